//! Meaning of an item's other attributes for the generated code.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Meta, parse_quote};

use crate::parse::Conditional;

/// The conditions an item stands under, to be repeated on what is made for it.
pub(crate) fn cfgs(attributes: &[Conditional]) -> Vec<Attribute> {
    attributes.iter().filter(|inner| inner.attribute.path().is_ident("cfg")).map(Conditional::joined).collect()
}

/// The leave an item has from lints, to be repeated on what names it. What names a deprecated item has leave to do so.
pub(crate) fn lints(attributes: &[Conditional]) -> Vec<Attribute> {
    let lints = attributes.iter().filter_map(|Conditional { condition, attribute }| {
        let path = attribute.path();
        let leave = match &attribute.meta {
            Meta::List(list) if path.is_ident("allow") || path.is_ident("expect") => list.tokens.to_token_stream(),
            _ if path.is_ident("deprecated") => quote!(deprecated),
            _ => return None,
        };
        let attribute = parse_quote!(#[allow(#leave)]);
        Some(Conditional { condition: condition.clone(), attribute }.joined())
    });
    lints.collect()
}

/// The doc comment of an item.
#[derive(Default)]
pub(crate) struct Docs {
    /// A text for each line, or what makes one.
    pub(crate) lines: Vec<TokenStream>,
    /// Set by `#[deprecated]`.
    pub(crate) is_deprecated: bool,
}

pub(crate) fn docs(attributes: &[Conditional]) -> Docs {
    let always = attributes.iter().filter(|attribute| attribute.condition.is_none()).map(|inner| &inner.attribute);
    let mut docs = Docs::default();
    for attribute in always {
        match &attribute.meta {
            Meta::NameValue(pair) if pair.path.is_ident("doc") => docs.lines.push(pair.value.to_token_stream()),
            meta => docs.is_deprecated |= meta.path().is_ident("deprecated"),
        }
    }
    docs
}
