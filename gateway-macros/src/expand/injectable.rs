//! `impl Injectable`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use crate::check::CheckedInjectable;
use crate::expand::spans::made;
use crate::expand::structure::construct;
use crate::expand::text::line;

pub(crate) fn expand_injectable(checked: &CheckedInjectable) -> TokenStream {
    implement(checked, &construct("inject", &checked.framework, &checked.fields))
}

/// One that cannot be made, so that a mistake in it is not followed by others.
pub(crate) fn fallback_injectable(checked: &CheckedInjectable) -> TokenStream {
    let framework = &checked.framework;
    let inject = quote! {
        fn inject(_: &mut #framework::manual::Fields<'_>) -> ::core::option::Option<Self> {
            ::core::option::Option::None
        }
    };
    implement(checked, &inject)
}

fn implement(checked: &CheckedInjectable, inject: &TokenStream) -> TokenStream {
    let CheckedInjectable { framework, name, generics, .. } = checked;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let (text, line) = (name.unraw().to_string(), line(name.span()));
    let name = made(name);
    quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #impl_generics #framework::Injectable for #name #type_generics #where_clause {
            const DECLARED: #framework::manual::Declared = #framework::manual::Declared::new(#text, ::core::file!(), #line);
            #inject
        }
    }
}
