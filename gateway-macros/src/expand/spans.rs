//! Where the compiler points when made code is at odds with the user's.

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::ToTokens;

/// The tokens, all as if they stood in one place.
pub(crate) fn at(span: Span, tokens: &impl ToTokens) -> TokenStream {
    let trees = tokens.to_token_stream().into_iter().map(|tree| match tree {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), at(span, &group.stream()));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        mut tree => {
            tree.set_span(span);
            tree
        }
    });
    trees.collect()
}

/// The first and the last place of the tokens. What is made from the first to the last is underlined as a whole.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut trees = tokens.to_token_stream().into_iter();
    let first = trees.next().map_or_else(Span::call_site, |tree| tree.span());
    (first, trees.last().map_or(first, |tree| tree.span()))
}
