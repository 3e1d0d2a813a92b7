//! `impl Gateway` for a struct, and its registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Index, Member, Path};

use crate::check::{CheckedField, CheckedStruct, Source};
use crate::expand::layers::layer_statements;
use crate::expand::text::{line, type_text};

/// Everything a gateway's struct turns into, beside itself.
pub(crate) fn expand_struct(checked: &CheckedStruct) -> TokenStream {
    let gateway = gateway_impl(checked, &construct("construct", &checked.framework, &checked.fields));
    let registration = registration(checked);
    quote!(#gateway #registration)
}

/// A gateway that cannot be built, so that a struct with a mistake in it is not also said to be no gateway.
pub(crate) fn fallback_struct(checked: &CheckedStruct) -> TokenStream {
    if checked.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let framework = &checked.framework;
    let construct = quote! {
        fn construct(_: &mut #framework::Fields<'_>) -> ::core::option::Option<Self> {
            ::core::option::Option::None
        }
    };
    let gateway = gateway_impl(checked, &construct);
    let registration = registration(checked);
    quote!(#gateway #registration)
}

fn gateway_impl(checked: &CheckedStruct, construct: &TokenStream) -> TokenStream {
    let CheckedStruct { framework, namespace, name, cfgs, .. } = checked;
    let (impl_generics, type_generics, where_clause) = checked.generics.split_for_impl();
    let text = name.unraw().to_string();
    let line = line(name.span());
    let around = around(checked);
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #impl_generics #framework::Gateway for #name #type_generics #where_clause {
            const NAMESPACE: &'static str = #namespace;
            const DECLARED: #framework::Declared = #framework::Declared::new(#text, ::core::file!(), #line);
            #construct
            #around
        }
    }
}

/// What stands around all its methods.
fn around(checked: &CheckedStruct) -> TokenStream {
    let CheckedStruct { framework, layers, .. } = checked;
    if layers.is_empty() {
        return TokenStream::new();
    }
    let statements = layer_statements(framework, layers, Clone::clone);
    quote! {
        fn around(layers: &mut #framework::Layers<'_>) {
            #statements
        }
    }
}

/// The constructor asks for every field before it gives up on one, so that all gaps are reported at once.
pub(crate) fn construct(function: &str, framework: &Path, list: &[CheckedField]) -> TokenStream {
    let function = Ident::new(function, Span::call_site());
    // Named apart from every field, which is a variable here too.
    let fields = Ident::new("fields", Span::mixed_site());
    let parameter =
        if list.iter().any(|field| matches!(field.source, Source::Provided)) { quote!(#fields) } else { quote!(_) };
    let (asks, inits): (Vec<_>, Vec<_>) =
        list.iter().enumerate().map(|(index, field)| ask(&fields, index, field)).unzip();
    quote! {
        fn #function(#parameter: &mut #framework::Fields<'_>) -> ::core::option::Option<Self> {
            #(#asks)*
            ::core::option::Option::Some(Self { #(#inits)* })
        }
    }
}

/// The statement that asks for a field, and its place in the struct's expression.
fn ask(fields: &Ident, index: usize, field: &CheckedField) -> (TokenStream, TokenStream) {
    let CheckedField { ident, ty, cfgs, source } = field;
    let member = ident.clone().map_or_else(|| Member::Unnamed(Index::from(index)), Member::Named);
    let local = ident.clone().unwrap_or_else(|| format_ident!("field_{index}"));
    let name = ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string());
    let value = match source {
        Source::Provided => {
            let text = type_text(ty);
            let line = line(ident.as_ref().map_or_else(|| ty.span(), Ident::span));
            quote_spanned!(ty.span()=> #fields.provided::<#ty>(#name, #text, #line))
        }
        Source::Default => {
            quote_spanned!(ty.span()=> ::core::option::Option::Some(<#ty as ::core::default::Default>::default()))
        }
        // Called before it is wrapped, so that a value of another type is reported in the plainest words.
        Source::With(path) => {
            let called = quote_spanned!(path.span()=> #path());
            quote!({ let value: #ty = #called; ::core::option::Option::Some(value) })
        }
    };
    let asked = quote! { #(#cfgs)* let #local: ::core::option::Option<#ty> = #value; };
    (asked, quote! { #(#cfgs)* #member: #local?, })
}

fn registration(checked: &CheckedStruct) -> TokenStream {
    let CheckedStruct { framework, name, cfgs, generics, .. } = checked;
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        let path = format!("::{}", name.unraw());
        let (_, type_generics, _) = generics.split_for_impl();
        let text = type_text(&quote!(#name #type_generics));
        let line = line(name.span());
        return quote! {
            #(#cfgs)*
            #framework::private::submit! {
                #framework::private::GenericEntry::new(
                    ::core::concat!(::core::module_path!(), #path), #text, ::core::file!(), #line,
                )
            }
        };
    }
    quote! {
        #(#cfgs)*
        #[automatically_derived]
        impl #framework::Registered for #name {}
        #(#cfgs)*
        #framework::private::submit! { #framework::private::GatewayEntry::of::<#name>() }
    }
}
