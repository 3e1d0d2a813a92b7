//! Where the compiler points when made code is at odds with the user's, and whose scope a name of it is in.

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident};

/// The tokens, all as if they stood in one place.
pub(crate) fn at(span: Span, tokens: &impl ToTokens) -> TokenStream {
    let trees = tokens.to_token_stream().into_iter().map(|tree| match tree {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), at(span, &group.stream()));
            moved.set_span(span);
            TokenTree::Group(moved)
        }
        // What it means depends on where it stands.
        TokenTree::Ident(mut root) if root == "$crate" => {
            root.set_span(root.span().located_at(span));
            TokenTree::Ident(root)
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

/// A name of the made code, as nobody writes one: a constant of the user's with the name of a variable would be taken for a
/// pattern, whatever scope the variable is in. Named like this wherever it is mentioned, for a place taken from the user's code
/// would bring along the scope of a `macro_rules!` that code may come from.
pub(crate) fn local(name: &str) -> Ident {
    format_ident!("__gateway_{name}", span = Span::call_site())
}

/// A name of the user's, in its place, as if the macro had written it: lints about what is named are then not about its user.
pub(crate) fn made(name: &Ident) -> Ident {
    let mut made = name.clone();
    made.set_span(Span::call_site().located_at(name.span()));
    made
}
