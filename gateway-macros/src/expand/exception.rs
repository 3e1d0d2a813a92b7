//! `impl IntoException`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Generics, parse_quote};

use crate::check::{CheckedException, Failure, Sources};
use crate::expand::description::docs;
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
        impl #impl_generics #framework::private::FrameworkError for #ident #type_generics #where_clause {}
    }
}

pub(crate) fn expand_exception(checked: &CheckedException) -> TokenStream {
    let CheckedException { framework, ident: written, generics, failures } = checked;
    let (ident, exception) = (&made(written), local("exception"));
    // Assumed by the body and asked for under the type's name: what is missing is said once, there.
    let mut generics = generics.clone();
    let (_, own, _) = checked.generics.split_for_impl();
    for bound in [quote!(Failure), quote!(Shareable)] {
        let bound = at(written.span(), &quote!(#written #own: #framework::private::#bound));
        generics.make_where_clause().predicates.push(parse_quote!(#bound));
    }
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let arms = failures.iter().map(|failure| {
        let Failure { variant, cfgs, code, hide, .. } = failure;
        let pattern = variant.as_ref().map_or_else(
            || quote!(Self { .. }),
            |variant| {
                let variant = made(variant);
                quote!(Self::#variant { .. })
            },
        );
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
            #framework::private::keep(self, #exception)
        }
    };
    let nested = nested(checked, &generics);
    let (error_types, error_codes) = (error_types(checked), error_codes(checked));
    quote! {
        #[automatically_derived]
        impl #impl_generics #framework::IntoException for #ident #type_generics #where_clause {
            fn into_exception(self) -> #framework::Exception {
                #body
            }
            #error_types
            #error_codes
        }
        #nested
        #[automatically_derived]
        impl #impl_generics #framework::private::FrameworkError for #ident #type_generics #where_clause {}
    }
}

/// The types of itself and of the errors behind it, for the start to know which filters are ever asked.
fn error_types(checked: &CheckedException) -> TokenStream {
    let CheckedException { framework, failures, .. } = checked;
    let types = local("types");
    let behind = failures.iter().map(|failure| {
        let cfgs = &failure.cfgs;
        match &failure.sources {
            Sources::Unknown => quote!(#(#cfgs)* #framework::private::ErrorTypes::add_unknown(#types);),
            Sources::Of(fields) => fields
                .iter()
                .map(|ty| quote!(#(#cfgs)* (&#framework::private::Field::<#ty>::new()).__gateway_error_types(#types);))
                .collect(),
        }
    });
    quote! {
        fn error_types(#types: &mut #framework::private::ErrorTypes) {
            use #framework::private::UnknownField as _;
            #framework::private::ErrorTypes::add::<Self>(#types);
            #(#behind)*
        }
    }
}

/// The codes of its failures, for the contract. Another source of its exceptions is not known: what it hides has a code of its own.
fn error_codes(checked: &CheckedException) -> TokenStream {
    let CheckedException { framework, failures, .. } = checked;
    let codes = local("codes");
    let added = failures.iter().map(|Failure { cfgs, code, docs: comment, .. }| {
        let docs = docs(comment).unwrap_or_else(|| quote!(""));
        quote!(#(#cfgs)* #framework::private::ErrorCodes::add(#codes, #code, #docs);)
    });
    quote! {
        #framework::private::if_contract! {
            fn error_codes(#codes: &mut #framework::private::ErrorCodes) {
                let _ = &#codes;
                #(#added)*
            }
        }
    }
}

/// The errors in its fields, which filters are asked for too.
fn nested(checked: &CheckedException, generics: &Generics) -> TokenStream {
    let CheckedException { framework, ident, failures, .. } = checked;
    let (ident, inner, depth) = (made(ident), local("inner"), local("depth"));
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let arms = failures.iter().filter_map(|failure| {
        let member = failure.inner.as_ref()?;
        let (cfgs, variant) = (&failure.cfgs, failure.variant.as_ref().map(made));
        let path = variant.map_or_else(|| quote!(Self), |variant| quote!(Self::#variant));
        Some(quote! {
            #(#cfgs)*
            #path { #member: #inner, .. } => match ::core::primitive::usize::checked_sub(#depth, 1) {
                ::core::option::Option::None => ::core::option::Option::Some(#inner.__gateway_as_error()),
                ::core::option::Option::Some(#depth) => {
                    (&#framework::private::Inside(#inner)).__gateway_nested(#depth)
                }
            },
        })
    });
    quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #impl_generics #framework::private::Nested for #ident #type_generics #where_clause {
            fn nested(
                &self,
                #depth: ::core::primitive::usize,
            ) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                use #framework::private::{AsError as _, NothingInside as _};
                match self {
                    #(#arms)*
                    _ => ::core::option::Option::None,
                }
            }
        }
    }
}
