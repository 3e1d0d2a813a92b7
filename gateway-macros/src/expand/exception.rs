//! `impl IntoException`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use crate::check::{CheckedException, Failure};
use crate::expand::spans::{at, local, made};

/// An impl without a body worth the name, so that a mistake in the type is not followed by others.
pub(crate) fn fallback_exception(checked: &CheckedException) -> TokenStream {
    let CheckedException { framework, ident, generics, .. } = checked;
    let ident = &made(ident);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::IntoException for #ident #type_generics #where_clause {
            fn into_exception(self) -> #framework::Exception {
                ::core::unreachable!()
            }
        }
        #[automatically_derived]
        impl #impl_generics ::core::convert::From<#ident #type_generics> for #framework::Exception #where_clause {
            fn from(_: #ident #type_generics) -> Self {
                ::core::unreachable!()
            }
        }
    }
}

pub(crate) fn expand_exception(checked: &CheckedException) -> TokenStream {
    let CheckedException { framework, ident: written, generics, failures } = checked;
    let (ident, exception, error) = (&made(written), local("exception"), local("error"));
    // Assumed by the body and asked for under the type's name: what is missing is said once, there.
    let mut generics = generics.clone();
    let (_, own, _) = checked.generics.split_for_impl();
    for bound in [quote!(Failure), quote!(Shareable)] {
        let bound = at(written.span(), &quote!(#written #own: #framework::private::#bound));
        generics.make_where_clause().predicates.push(parse_quote!(#bound));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let arms = failures.iter().map(|failure| {
        let Failure { variant, cfgs, code, hide } = failure;
        let pattern = variant.as_ref().map_or_else(|| quote!(Self { .. }), |variant| {
            let variant = made(variant);
            quote!(Self::#variant { .. })
        });
        let told = if *hide {
            quote!(#framework::Exception::hidden(#code, #framework::private::Failure::as_error(&self)))
        } else {
            quote!(#framework::Exception::new(#code, #framework::private::Failure::text(&self)))
        };
        quote!(#(#cfgs)* #pattern => #told,)
    });
    let body = if failures.is_empty() {
        quote!(match self {})
    } else {
        quote! {
            let #exception = match &self { #(#arms)* };
            #framework::private::Failure::keep(self, #exception)
        }
    };
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::IntoException for #ident #type_generics #where_clause {
            fn into_exception(self) -> #framework::Exception {
                #body
            }
        }
        #[automatically_derived]
        impl #impl_generics ::core::convert::From<#ident #type_generics> for #framework::Exception #where_clause {
            fn from(#error: #ident #type_generics) -> Self {
                #framework::IntoException::into_exception(#error)
            }
        }
    }
}
