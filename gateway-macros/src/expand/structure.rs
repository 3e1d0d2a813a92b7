//! `impl Gateway` for a struct, and its registration.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Index, Member, Path, Type, Visibility};

use crate::check::{CheckedField, CheckedStruct, Source};
use crate::expand::description::describe_gateway;
use crate::expand::imports::imports;
use crate::expand::layers::layer_statements;
use crate::expand::spans::{at, local, made};
use crate::expand::text::{line, type_text};

/// Everything a gateway's struct turns into, beside itself.
pub(crate) fn expand_struct(checked: &CheckedStruct) -> TokenStream {
    let gateway = gateway_impl(checked, &construct("construct", &checked.framework, &checked.fields));
    let registration = registration(checked);
    let imports = imports(&checked.framework, &checked.named);
    quote!(#imports #gateway #registration)
}

/// A gateway that cannot be built, so that a struct with a mistake in it is not also said to be no gateway.
pub(crate) fn fallback_struct(checked: &CheckedStruct, unread: Option<&syn::Error>) -> TokenStream {
    if checked.generics.lifetimes().next().is_some() {
        return TokenStream::new();
    }
    let framework = &checked.framework;
    let fields = local("fields");
    let refusal = unread.map(|error| {
        let (why, line) = (format!("what `#[gateway]` can read: {error}"), line(error.span()));
        quote!(let _ = #framework::manual::Fields::provided::<#framework::private::Unread>(#fields, "?", #why, #line);)
    });
    let construct = quote! {
        fn construct(#fields: &mut #framework::manual::Fields<'_>) -> ::core::option::Option<Self> {
            #refusal
            ::core::option::Option::None
        }
    };
    let gateway = gateway_impl(checked, &construct);
    let registration = registration(checked);
    quote!(#gateway #registration)
}

fn gateway_impl(checked: &CheckedStruct, construct: &TokenStream) -> TokenStream {
    let CheckedStruct { framework, namespace, name, cfgs, lints, .. } = checked;
    let (impl_generics, type_generics, where_clause) = checked.generics.split_for_impl();
    let text = name.unraw().to_string();
    let line = line(name.span());
    let (around, describe) = (around(checked), describe_gateway(checked));
    quote! {
        #(#cfgs)*
        #(#lints)*
        #[automatically_derived]
        #[doc(hidden)]
        impl #impl_generics #framework::manual::Gateway for #name #type_generics #where_clause {
            const NAMESPACE: &'static str = #namespace;
            const DECLARED: #framework::manual::Declared = #framework::manual::Declared::new(#text, ::core::file!(), #line);
            #construct
            #around
            #describe
        }
    }
}

/// Layers around all its methods.
fn around(checked: &CheckedStruct) -> TokenStream {
    let CheckedStruct { framework, layers, .. } = checked;
    if layers.is_empty() {
        return TokenStream::new();
    }
    let statements = layer_statements(framework, layers, Clone::clone);
    let layers = local("layers");
    quote! {
        fn around(#layers: &mut #framework::manual::Layers<'_>) {
            #statements
        }
    }
}

/// The constructor asks for every field before it gives up on one, so that all gaps are reported at once.
pub(crate) fn construct(function: &str, framework: &Path, list: &[CheckedField]) -> TokenStream {
    let function = Ident::new(function, Span::call_site());
    let fields = local("fields");
    let parameter = if list.iter().any(CheckedField::may_be_provided) { quote!(#fields) } else { quote!(_) };
    let (asks, inits): (Vec<_>, Vec<_>) =
        list.iter().enumerate().map(|(index, field)| injected(framework, index, field)).unzip();
    quote! {
        fn #function(#parameter: &mut #framework::manual::Fields<'_>) -> ::core::option::Option<Self> {
            #(#asks)*
            ::core::option::Option::Some(Self { #(#inits)* })
        }
    }
}

/// The statement that asks for a field, and its place in the struct's expression.
fn injected(framework: &Path, index: usize, field: &CheckedField) -> (TokenStream, TokenStream) {
    let CheckedField { ident, ty, cfgs, sources, lints: _ } = field;
    let member = ident.as_ref().map_or_else(|| Member::Unnamed(Index::from(index)), |ident| Member::Named(made(ident)));
    let local = local(&format!("field_{index}"));
    let asked = |condition: Option<TokenStream>, value: TokenStream| {
        let condition = condition.map(|condition| quote!(#[cfg(#condition)]));
        quote! { #(#cfgs)* #condition let #local: ::core::option::Option<#ty> = #value; }
    };
    let mut statements = TokenStream::new();
    let mut before: Vec<&TokenStream> = Vec::new();
    for (condition, source) in sources {
        let otherwise = (!before.is_empty()).then(|| quote!(not(any(#(#before),*)),));
        let under = (condition.is_some() || otherwise.is_some()).then(|| quote!(all(#otherwise #condition)));
        statements.extend(asked(under, filled(source, ty)));
        before.extend(condition);
    }
    if field.may_be_provided() {
        let under = (!before.is_empty()).then(|| quote!(not(any(#(#before),*))));
        statements.extend(asked(under, provided(framework, index, field)));
    }
    (statements, quote! { #(#cfgs)* #member: #local?, })
}

fn provided(framework: &Path, index: usize, field: &CheckedField) -> TokenStream {
    let CheckedField { ident, ty, .. } = field;
    let name = ident.as_ref().map_or_else(|| index.to_string(), |ident| ident.unraw().to_string());
    let (text, fields) = (type_text(ty), local("fields"));
    let line = line(ident.as_ref().map_or_else(|| ty.span(), Ident::span));
    let ask = at(ty.span(), &quote!(#framework::manual::Fields::provided));
    quote_spanned!(ty.span()=> #ask::<#ty>(#fields, #name, #text, #line))
}

fn filled(source: &Source, ty: &Type) -> TokenStream {
    match source {
        Source::Default => {
            quote_spanned!(ty.span()=> ::core::option::Option::Some(<#ty as ::core::default::Default>::default()))
        }
        // Called before it is wrapped, so that a value of another type is reported in the plainest words.
        Source::With(path) => {
            let (called, value) = (quote_spanned!(path.span()=> #path()), local("value"));
            quote!({ let #value: #ty = #called; ::core::option::Option::Some(#value) })
        }
    }
}

fn registration(checked: &CheckedStruct) -> TokenStream {
    let CheckedStruct { framework, name, cfgs, lints, generics, item, .. } = checked;
    if generics.type_params().next().is_some() || generics.const_params().next().is_some() {
        let (_, type_generics, _) = generics.split_for_impl();
        let (text, written) = (name.unraw().to_string(), type_text(&quote!(#name #type_generics)));
        let line = line(name.span());
        let offered = matches!(item.vis, Visibility::Public(_)).then(|| quote!(.offered()));
        return quote! {
            #(#cfgs)*
            #framework::private::submit! {
                #framework::private::GenericEntry::new(
                    #framework::manual::Declared::new(#text, ::core::file!(), #line), #written,
                )#offered
            }
        };
    }
    quote! {
        #(#cfgs)*
        #(#lints)*
        const _: () = {
            #[automatically_derived]
            #[doc(hidden)]
            impl #framework::manual::Registered for #name {}
            #framework::private::submit! { #framework::private::GatewayEntry::new::<#name>() }
        };
    }
}
