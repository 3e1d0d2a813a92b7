//! `impl Event`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::CheckedEvent;

pub(crate) fn expand_event(checked: &CheckedEvent) -> TokenStream {
    let CheckedEvent {
        framework,
        name,
        ident,
        generics,
    } = checked;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::Event for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;
        }
    }
}
