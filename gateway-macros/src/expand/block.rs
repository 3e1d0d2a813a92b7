//! The table of a block: one call for each handler, in a function the registry or `register!` finds.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};

use crate::check::{CheckedBlock, Kind};
use crate::expand::handler::Entry;
use crate::expand::spans::ends;
use crate::expand::spans::local;

pub(crate) fn expand_block(checked: &CheckedBlock) -> TokenStream {
    let CheckedBlock { framework, impl_token, self_type, cfgs, kind, handlers } = checked;
    let entries = handlers.iter().map(|handler| Entry { framework, self_type, handler }.expand());
    match kind {
        Kind::Concrete => quote! {
            #(#cfgs)*
            const _: () = {
                fn handlers(handlers: &mut #framework::Handlers<#self_type>) {
                    #(#entries)*
                }
                static HANDLERS: fn(&mut #framework::Handlers<#self_type>) = handlers;
                #framework::private::submit! { #framework::private::HandlersEntry::of::<#self_type>(&HANDLERS) }
            };
        },
        Kind::Generic { generics, part } => {
            let (impl_generics, _, where_clause) = generics.split_for_impl();
            let part = Literal::usize_unsuffixed(*part);
            // Two blocks with one number are two impls, from `impl` to the type.
            let (_, end) = ends(self_type);
            let parameter = local("handlers");
            let body = quote_spanned! {end=> {
                fn add(#parameter: &mut #framework::Handlers<Self>) {
                    #(#entries)*
                }
            }};
            quote! {
                #(#cfgs)*
                #[automatically_derived]
                #impl_token #impl_generics #framework::private::Part<#part> for #self_type #where_clause #body
            }
        }
    }
}
