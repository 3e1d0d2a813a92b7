//! Kind of the item that an attribute stands on.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};

use crate::parse::flat;

/// The kind of an item, known from its first words.
pub(crate) enum Target {
    Struct,
    Block,
    /// Anything else, by its keyword.
    Other(Ident),
}

impl Target {
    pub(crate) fn from_item(item: &TokenStream) -> Self {
        for tree in flat(item.clone()) {
            let TokenTree::Ident(word) = tree else {
                continue;
            };
            match word.to_string().as_str() {
                "pub" | "default" | "unsafe" | "async" | "const" | "extern" => {}
                "struct" => return Self::Struct,
                "impl" => return Self::Block,
                _ => return Self::Other(word),
            }
        }
        Self::Other(Ident::new("item", Span::call_site()))
    }
}
