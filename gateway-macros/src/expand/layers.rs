//! `layers.guard(…);` and its like, for what stands around a gateway or a method.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;

use crate::check::Layer;
use crate::expand::spans::{at, local};
use crate::expand::text::{line, type_text};
use crate::parse::{LayerKind, Named};

/// One statement for each. `written_out` gives a type where it has no `Self`.
pub(crate) fn layer_statements(
    framework: &impl ToTokens,
    layers: &[Layer],
    written_out: impl Fn(&TokenStream) -> TokenStream,
) -> TokenStream {
    layers.iter().map(|layer| statement(framework, layer, &written_out)).collect()
}

fn statement(
    framework: &impl ToTokens,
    layer: &Layer,
    written_out: &impl Fn(&TokenStream) -> TokenStream,
) -> TokenStream {
    // What is no guard is then reported where it is named.
    let add = Ident::new(layer.kind.name(), layer.span());
    let (layers, written, made) = (local("layers"), local("written"), local("made"));
    let line = line(layer.span());
    let condition = layer.condition.as_ref().map(|condition| quote!(#[cfg(#condition)]));
    match &layer.named {
        Named::Type(ty) => {
            let text = type_text(ty);
            let ty = written_out(&quote!(#ty));
            let generics = match layer.kind {
                LayerKind::Guard => quote_spanned!(ty.span()=> <_, #ty>),
                LayerKind::Intercept | LayerKind::Filter => {
                    quote_spanned!(ty.span()=> <#ty>)
                }
            };
            let taken = at(ty.span(), &quote!(#framework::manual::Layers::#add));
            let taken = quote_spanned!(ty.span()=> #taken::#generics(#layers, #written, #made));
            quote! {
                #condition
                {
                    use #framework::private::{MakeDefault as _, MakeInjected as _, MakeProvided as _};
                    let #written = #framework::manual::Written::new(#text, ::core::file!(), #line);
                    let #made = (&&&#framework::private::Make::<#ty>::new()).__gateway_make(#layers, #written);
                    #taken;
                }
            }
        }
        Named::Value(value) => {
            let text = type_text(value);
            let value = written_out(&quote!(#value));
            let taken = at(layer.span(), &quote!(#framework::manual::Layers::#add));
            let taken = quote_spanned!(layer.span()=> #taken(#layers, #written, ::std::sync::Arc::new(#value)));
            quote! {
                #condition
                {
                    let #written = #framework::manual::Written::new(#text, ::core::file!(), #line);
                    #taken;
                }
            }
        }
    }
}
