//! The table of a block: one call for each handler, in a function the registry or `register!` finds.

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::{CheckedBlock, Kind};
use crate::expand::handler::expand_handler;

pub(crate) fn expand_block(checked: &CheckedBlock) -> TokenStream {
    let CheckedBlock {
        framework,
        self_type,
        cfgs,
        kind,
        handlers,
    } = checked;
    let entries = handlers
        .iter()
        .map(|handler| expand_handler(framework, self_type, handler));
    match kind {
        Kind::Concrete => quote! {
            #(#cfgs)*
            const _: () = {
                fn handlers(handlers: &mut #framework::Handlers<#self_type>) {
                    #(#entries)*
                }
                #framework::private::submit! { #framework::private::HandlersEntry::of::<#self_type>(handlers) }
            };
        },
        Kind::Generic { generics, part } => {
            let (impl_generics, _, where_clause) = generics.split_for_impl();
            quote! {
                #(#cfgs)*
                #[automatically_derived]
                impl #impl_generics #framework::private::Part<#part> for #self_type #where_clause {
                    fn add(handlers: &mut #framework::Handlers<Self>) {
                        #(#entries)*
                    }
                }
            }
        }
    }
}
