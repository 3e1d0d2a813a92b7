//! `impl IntoException`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::check::{CheckedException, Failure};

pub(crate) fn expand_exception(checked: &CheckedException) -> TokenStream {
    let CheckedException {
        framework,
        ident,
        generics,
        failures,
    } = checked;
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let arms = failures.iter().map(|failure| {
        let Failure {
            variant,
            cfgs,
            code,
            hide,
        } = failure;
        let pattern = variant.as_ref().map_or_else(
            || quote!(Self { .. }),
            |variant| quote!(Self::#variant { .. }),
        );
        let exception = if *hide {
            quote!(#framework::Exception::hidden(#code, &self))
        } else {
            quote!(#framework::Exception::new(#code, ::std::string::ToString::to_string(&self)))
        };
        quote!(#(#cfgs)* #pattern => #exception,)
    });
    let subject = if failures.is_empty() {
        quote!(self)
    } else {
        quote!(&self)
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::IntoException for #ident #type_generics #where_clause {
            fn into_exception(self) -> #framework::Exception {
                match #subject { #(#arms)* }
            }
        }
    }
}
