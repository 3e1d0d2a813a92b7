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
            let (functions, calls) = functions(checked, &Generics::default());
            let (take_up, table) = (local("take_up"), local("TABLE"));
            quote! {
                #imports
                #(#cfgs)*
                #(#lints)*
                const _: () = {
                    #functions
                    fn #take_up(#all: &mut #framework::Handlers<#self_type>) {
                        #calls
                    }
                    static #table: fn(&mut #framework::Handlers<#self_type>) = #take_up;
                    #framework::private::submit! { #framework::private::HandlersEntry::of::<#self_type>(&#table) }
                };
            }
        }
        Kind::Generic { generics, part } => {
            let (functions, calls) = functions(checked, generics);
            let (impl_generics, _, where_clause) = generics.split_for_impl();
            let part = Literal::usize_unsuffixed(*part);
            // Two blocks with one number are two impls, from `impl` to the type.
            let (_, end) = ends(self_type);
            let body = quote_spanned! {end=> {
                fn add(#all: &mut #framework::Handlers<Self>) {
                    #functions
                    #calls
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

/// A function for each handler, as one for all of them would cost the compiler more than their sum; and the calls of them.
fn functions(checked: &CheckedBlock, generics: &Generics) -> (TokenStream, TokenStream) {
    let CheckedBlock { framework, self_type, handlers, .. } = checked;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let turbofish = type_generics.as_turbofish();
    let turbofish = (!generics.params.is_empty()).then_some(turbofish);
    let table = local("handlers");
    let in_calls = callable(self_type);
    let made = handlers.iter().enumerate().map(|(index, handler)| {
        let name = local(&format!("handler_{index}"));
        let (cfgs, lints) = (&handler.cfgs, &handler.lints);
        let entry = Entry { framework, self_type: &in_calls, handler }.expand();
        let function = quote! {
            #(#cfgs)*
            #(#lints)*
            fn #name #impl_generics(#table: &mut #framework::Handlers<#self_type>) #where_clause {
                #entry
            }
        };
        (function, quote! { #(#cfgs)* #name #turbofish(#table); })
    });
    let (functions, calls): (TokenStream, TokenStream) = made.unzip();
    let refusals: TokenStream = checked.unread.iter().map(|error| refusal(framework, error)).collect();
    (functions, quote!(#calls #refusals))
}

/// Stops the start, where the compiler took what could not be read here.
fn refusal(framework: &Path, error: &syn::Error) -> TokenStream {
    let (table, line) = (local("handlers"), line(error.span()));
    let why = format!("`#[gateway]` cannot read a method here, which may be marked: {error}");
    quote! {
        #framework::Handlers::on_init(#table, #framework::Hook::new("?", ::core::file!(), #line), |_, _| {
            #framework::Running::ready(#framework::IntoStarted::into_started(
                ::core::result::Result::<(), &'static ::core::primitive::str>::Err(#why),
            ))
        });
    }
}
