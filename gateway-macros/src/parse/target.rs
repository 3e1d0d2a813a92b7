//! What kind of item an attribute stands on.

use proc_macro2::{Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Ident, Token, Visibility};

/// The kind of an item, known from its first words.
pub(crate) enum Target {
    Struct,
    Block,
    /// Anything else, by its keyword.
    Other(Ident),
}

impl Target {
    pub(crate) fn of(item: &TokenStream) -> Self {
        let keyword = |input: ParseStream<'_>| {
            input.call(Attribute::parse_outer)?;
            input.parse::<Visibility>()?;
            let mut target = None;
            // The rest is stepped over: a parser must consume its whole input.
            while !input.is_empty() {
                if target.is_none() {
                    target = Self::at(input);
                }
                input.step(|cursor| {
                    Ok(((), cursor.token_tree().map_or(*cursor, |(_, rest)| rest)))
                })?;
            }
            Ok(target)
        };
        let found = keyword.parse2(item.clone()).ok().flatten();
        found.unwrap_or_else(|| Self::Other(Ident::new("item", Span::call_site())))
    }

    /// The target, unless the next word is a qualifier such as `unsafe` or `async`.
    fn at(input: ParseStream<'_>) -> Option<Self> {
        if input.peek(Token![struct]) {
            return Some(Self::Struct);
        }
        if input.peek(Token![impl]) {
            return Some(Self::Block);
        }
        let qualifier =
            input.peek(Token![unsafe]) || input.peek(Token![async]) || input.peek(Token![default]);
        let word = Ident::parse_any(&input.fork()).ok()?;
        (!qualifier).then_some(Self::Other(word))
    }
}
