//! `impl Event`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use crate::check::CheckedEvent;
use crate::expand::description::register_event;
use crate::expand::spans::made;

pub(crate) fn expand_event(checked: &CheckedEvent) -> TokenStream {
    let CheckedEvent { framework, name, is_spread, ident, generics, is_of_server: _ } = checked;
    let ident = made(ident);
    let mut generics = generics.clone();
    if generics.type_params().next().is_some() {
        // Whether it can be sent depends on its parameters, which serde bounds in an impl of its own.
        let sent = parse_quote!(Self: #framework::private::Serialize);
        generics.make_where_clause().predicates.push(sent);
    }
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
