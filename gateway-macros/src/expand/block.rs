//! The table of a block: a function for each handler, and one the registry or `register!` finds, which calls them.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Generics, Path};

use crate::check::{CheckedBlock, Handler, Kind};
use crate::expand::handler::{Entry, callable};
use crate::expand::imports::imports;
use crate::expand::spans::{at, ends, local};
use crate::expand::text::line;

pub(crate) fn expand_block(checked: &CheckedBlock) -> TokenStream {
    let CheckedBlock { framework, impl_token, self_type, cfgs, lints, named, kind, .. } = checked;
    let imports = imports(framework, named);
    let all = local("handlers");
    match kind {
        Kind::Concrete => {
            let (take_up, table, methods) = (local("take_up"), local("TABLE"), local("Methods"));
            let made = Functions::new(checked, &Generics::default());
            let Functions { heads, definitions, calls, refusals } = &made;
            quote! {
                #imports
                #(#cfgs)*
                #(#lints)*
                const _: () = {
                    trait #methods: ::core::marker::Sized {
                        fn #take_up(#all: &mut #framework::manual::Handlers<Self>);
                        #(#heads)*
                    }
                    // From `impl` on as the block itself: a name that is not found is then not found in the same words, and told once.
                    #impl_token #methods for #self_type {
                        fn #take_up(#all: &mut #framework::manual::Handlers<Self>) {
                            #(#calls)*
                            #refusals
                        }
                        #(#definitions)*
                    }
                    static #table: fn(&mut #framework::manual::Handlers<#self_type>) = <#self_type as #methods>::#take_up;
                    #framework::private::submit! { #framework::private::HandlersEntry::new::<#self_type>(&#table) }
                };
            }
        }
        Kind::Generic { generics, part } => {
            let Functions { definitions, calls, refusals, .. } = Functions::new(checked, generics);
            let (impl_generics, _, where_clause) = generics.split_for_impl();
            let part = Literal::usize_unsuffixed(*part);
            // Two blocks with one number are two impls, from `impl` to the type.
            let (_, end) = ends(self_type);
            let body = quote_spanned! {end=> {
                fn add(#all: &mut #framework::manual::Handlers<Self>) {
                    #(#definitions)*
                    #(#calls)*
                    #refusals
                }
            }};
            quote! {
                #imports
                #(#cfgs)*
                #(#lints)*
                #[automatically_derived]
                #[doc(hidden)]
                #impl_token #impl_generics #framework::private::Part<#part> for #self_type #where_clause #body
            }
        }
    }
}

/// A function for each handler, and its entry.
struct Functions {
    /// Their declarations in a trait.
    heads: Vec<TokenStream>,
    definitions: Vec<TokenStream>,
    calls: Vec<TokenStream>,
    /// Problems that stop the start.
    refusals: TokenStream,
}

impl Functions {
    /// Those of a generic block have its parameters; those of another are in an impl of its type.
    fn new(checked: &CheckedBlock, generics: &Generics) -> Self {
        let CheckedBlock { framework, self_type, handlers, unread, .. } = checked;
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        let turbofish = type_generics.as_turbofish();
        let (is_generic, methods) = (!generics.params.is_empty(), local("Methods"));
        let in_calls = callable(self_type);
        let refusals = unread.iter().map(|error| refusal(framework, error)).collect();
        let mut made = Self { heads: Vec::new(), definitions: Vec::new(), calls: Vec::new(), refusals };
        let mut taken = HashMap::new();
        for handler in handlers {
            let name = name_of(handler, &mut taken);
            let (cfgs, lints) = (&handler.cfgs, &handler.lints);
            let (here, end) = handler.ends;
            let here = Span::call_site().located_at(here);
            let (framework, name) = (at(here, framework), at(here, &name));
            let (of, path) = if is_generic {
                (quote!(#self_type), quote!(#name #turbofish))
            } else {
                (quote_spanned!(here=> Self), quote_spanned!(here=> <Self as #methods>::#name))
            };
            let entry = Entry::new(framework, here, is_generic.then_some(&in_calls), handler);
            let (parameters, output) = entry.parameters(&of);
            let parameters = group(Delimiter::Parenthesis, end, parameters);
            let function = Ident::new("fn", here);
            let head = quote! {
                #(#cfgs)*
                #(#lints)*
                #function #name #impl_generics #parameters #output #where_clause
            };
            let semicolon = at(Span::call_site().located_at(end), &quote!(;));
            made.heads.push(quote!(#head #semicolon));
            let body = group(Delimiter::Brace, end, entry.body());
            made.definitions.push(quote!(#head #body));
            let registration = entry.registration(&path);
            made.calls.push(quote! {
                #(#cfgs)*
                #(#lints)*
                {
                    #registration
                }
            });
        }
        made
    }
}

/// Names a handler's function after its method, so that the name stays while other methods come and go. Several methods of one name
/// exist under different conditions.
fn name_of(handler: &Handler, taken: &mut HashMap<String, usize>) -> Ident {
    let method = handler.ident.unraw().to_string();
    let count = taken.entry(method.clone()).or_default();
    *count += 1;
    match count {
        1 => local(&format!("handler_{method}")),
        again => local(&format!("handler_{method}_{again}")),
    }
}

/// A group whose delimiters have this place. A made function covers the head of its method, from its first token to its last:
/// incremental compilation counts places from where a function begins, and recognises a function that has moved with its method.
fn group(delimiter: Delimiter, span: Span, tokens: TokenStream) -> TokenTree {
    let mut group = Group::new(delimiter, tokens);
    group.set_span(Span::call_site().located_at(span));
    TokenTree::Group(group)
}

/// Stops the start, where the compiler took what could not be read here.
fn refusal(framework: &Path, error: &syn::Error) -> TokenStream {
    let (table, line) = (local("handlers"), line(error.span()));
    let why = format!("`#[gateway]` cannot read a method here, which may be marked: {error}");
    quote! {
        #framework::manual::Handlers::on_init(#table, #framework::manual::Hook::new("?", ::core::file!(), #line), |_, _| {
            #framework::manual::HandlerFuture::ready(#framework::manual::InitOutput::into_output(
                ::core::result::Result::<(), &'static ::core::primitive::str>::Err(#why),
            ))
        });
    }
}
