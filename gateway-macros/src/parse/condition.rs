//! `#[cfg_attr(…)]`: what it holds for the framework, each under its condition. An attribute macro comes before the compiler has
//! decided on any of them.

use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser;
use syn::{Attribute, Meta, parse_quote};

use crate::parse::flat;

/// An attribute, and what it depends on.
#[derive(Clone)]
pub(crate) struct Conditional {
    pub(crate) condition: Option<TokenStream>,
    pub(crate) attribute: Attribute,
}

impl Conditional {
    /// The attribute as one, below its condition where it has one.
    pub(crate) fn joined(&self) -> Attribute {
        let Self { condition, attribute } = self;
        let Some(condition) = condition else { return attribute.clone() };
        let meta = &attribute.meta;
        parse_quote!(#[cfg_attr(#condition, #meta)])
    }
}

/// The attributes, every `cfg_attr` opened.
pub(crate) fn opened(attributes: &[Attribute]) -> Vec<Conditional> {
    attributes.iter().flat_map(|attribute| open(attribute, None)).collect()
}

fn open(attribute: &Attribute, outer: Option<&TokenStream>) -> Vec<Conditional> {
    let whole = || vec![Conditional { condition: outer.cloned(), attribute: attribute.clone() }];
    let Meta::List(list) = &attribute.meta else { return whole() };
    if !list.path.is_ident("cfg_attr") {
        return whole();
    }
    let mut parts = split(list.tokens.clone()).into_iter();
    let Some(own) = parts.next() else { return whole() };
    let condition = outer.map_or_else(|| own.clone(), |outer| quote!(all(#outer, #own)));
    let read = |part: TokenStream| Attribute::parse_outer.parse2(quote!(#[#part])).ok();
    let inner: Option<Vec<_>> = parts.filter(|part| !part.is_empty()).map(read).collect();
    let Some(inner) = inner else { return whole() };
    inner.iter().flatten().flat_map(|attribute| open(attribute, Some(&condition))).collect()
}

/// Splits a list at its commas.
fn split(tokens: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for tree in flat(tokens) {
        match tree {
            TokenTree::Punct(punct) if punct.as_char() == ',' => parts.push(TokenStream::new()),
            other => parts.last_mut().expect("it begins with one").extend([other]),
        }
    }
    parts
}
