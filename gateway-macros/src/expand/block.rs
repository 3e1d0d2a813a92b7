//! The table of a block: a function for each handler, and one the registry or `register!` finds, which calls them.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Generics, Path};

use crate::check::{CheckedBlock, Kind};
use crate::expand::handler::{Entry, callable};
use crate::expand::imports::imports;
use crate::expand::spans::{ends, local};
use crate::expand::text::line;

pub(crate) fn expand_block(checked: &CheckedBlock) -> TokenStream {
    let CheckedBlock { framework, impl_token, self_type, cfgs, lints, named, kind, .. } = checked;
    let imports = imports(framework, named);
    let all = local("handlers");
    match kind {
        Kind::Concrete => {
            let (take_up, table, methods) = (local("take_up"), local("TABLE"), local("Methods"));
            let made = Functions::of(checked, &Generics::default());
            let Functions { heads, bodies, calls, refusals } = &made;
            quote! {
                #imports
                #(#cfgs)*
                #(#lints)*
                const _: () = {
                    trait #methods: ::core::marker::Sized {
                        #(#heads;)*
                    }
                    // From `impl` on as the block itself: a name that is not found is then not found in the same words, and told once.
                    #impl_token #methods for #self_type {
                        #(#heads { #bodies })*
                    }
                    fn #take_up(#all: &mut #framework::manual::Handlers<#self_type>) {
                        #(#calls)*
                        #refusals
                    }
                    static #table: fn(&mut #framework::manual::Handlers<#self_type>) = #take_up;
                    #framework::private::submit! { #framework::private::HandlersEntry::of::<#self_type>(&#table) }
                };
            }
        }
        Kind::Generic { generics, part } => {
            let Functions { heads, bodies, calls, refusals } = Functions::of(checked, generics);
            let (impl_generics, _, where_clause) = generics.split_for_impl();
            let part = Literal::usize_unsuffixed(*part);
            // Two blocks with one number are two impls, from `impl` to the type.
            let (_, end) = ends(self_type);
            let body = quote_spanned! {end=> {
                fn add(#all: &mut #framework::manual::Handlers<Self>) {
                    #(#heads { #bodies })*
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

/// A function for each handler, as one for all of them would cost the compiler more than their sum.
struct Functions {
    heads: Vec<TokenStream>,
    bodies: Vec<TokenStream>,
    calls: Vec<TokenStream>,
    /// Problems that stop the start.
    refusals: TokenStream,
}

impl Functions {
    /// Those of a generic block have its parameters; those of another are in an impl of its type.
    fn of(checked: &CheckedBlock, generics: &Generics) -> Self {
        let CheckedBlock { framework, self_type, handlers, unread, .. } = checked;
        let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
        let turbofish = type_generics.as_turbofish();
        let (is_generic, table, methods) = (!generics.params.is_empty(), local("handlers"), local("Methods"));
        let in_calls = callable(self_type);
        let refusals = unread.iter().map(|error| refusal(framework, error)).collect();
        let mut made = Self { heads: Vec::new(), bodies: Vec::new(), calls: Vec::new(), refusals };
        for (index, handler) in handlers.iter().enumerate() {
            let name = local(&format!("handler_{index}"));
            let (cfgs, lints) = (&handler.cfgs, &handler.lints);
            let (of, path) = if is_generic {
                (quote!(#self_type), quote!(#name #turbofish))
            } else {
                (quote!(Self), quote!(<#self_type as #methods>::#name))
            };
            made.heads.push(quote! {
                #(#cfgs)*
                #(#lints)*
                fn #name #impl_generics(#table: &mut #framework::manual::Handlers<#of>) #where_clause
            });
            made.bodies.push(Entry { framework, self_type: &in_calls, handler }.expand());
            made.calls.push(quote! { #(#cfgs)* #path(#table); });
        }
        made
    }
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
