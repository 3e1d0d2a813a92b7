//! Where the compiler points when made code is at odds with the user's, and whose scope a name of it is in.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
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

/// A variable of the made code. Named like this wherever it is mentioned, for a place taken from the user's code would
/// bring along the scope of a `macro_rules!` that code may come from.
pub(crate) fn local(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}
