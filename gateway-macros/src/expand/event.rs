//! `impl Event`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::CheckedEvent;
use crate::expand::description::register_event;
use crate::expand::sendable::sendable;
use crate::expand::spans::made;

pub(crate) fn expand_event(checked: &CheckedEvent) -> TokenStream {
    let CheckedEvent { framework, name, is_spread, ident, generics, is_of_server: _ } = checked;
    let ident = made(ident);
    let generics = sendable(generics, framework);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let spread = is_spread.then(|| {
        quote!(
            const IS_SPREAD: bool = true;
        )
    });
    let registration = register_event(checked);
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::Event for #ident #type_generics #where_clause {
            const NAME: &'static str = #name;
            #spread
        }
        #registration
    }
}
