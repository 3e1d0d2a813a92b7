//! `impl Request`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::CheckedRequest;
use crate::expand::sendable::sendable;
use crate::expand::spans::made;

pub(crate) fn expand_request(checked: &CheckedRequest) -> TokenStream {
    let CheckedRequest { framework, name, reply, ident, generics } = checked;
    let ident = made(ident);
    let generics = sendable(generics, framework);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::Request for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;
            type Reply = #reply;
        }
    }
}
