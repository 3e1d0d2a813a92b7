//! The impl block as it came, without the markers. Bodies go through as tokens.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::parse::Parser;
use syn::{Attribute, Path};

use crate::parse::{conditional_marker, layer_kind, marker_role};

/// Takes the markers off the items of a block, which is found by its braces.
///
/// A handler takes its arguments by value and its gateway by reference because the framework says so: in a marker's
/// place comes leave not to be told off for it.
pub(crate) fn without_markers(block: TokenStream) -> TokenStream {
    let mut trees: Vec<TokenTree> = block.into_iter().collect();
    let body = match trees.pop() {
        Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace => {
            let mut stripped = Group::new(Delimiter::Brace, strip(body.stream()));
            stripped.set_span(body.span());
            Some(TokenTree::Group(stripped))
        }
        other => other,
    };
    // What stood before the block itself was complained of.
    strip(trees.into_iter().collect()).into_iter().chain(body).collect()
}

fn strip(items: TokenStream) -> TokenStream {
    let mut kept = TokenStream::new();
    let mut trees = items.into_iter().peekable();
    while let Some(tree) = trees.next() {
        if matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '#')
            && let Some(TokenTree::Group(group)) = trees.peek()
            && let Some(sort) = sort(&tree, group)
        {
            trees.next();
            if sort == Sort::Marker {
                kept.extend(quote! {
                    #[allow(
                        clippy::needless_pass_by_value,
                        clippy::unused_self,
                        reason = "what a handler takes is what it reads, and its gateway calls it"
                    )]
                });
            }
            continue;
        }
        kept.extend([tree]);
    }
    kept
}

/// What is taken off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Marker,
    /// What stands around the method.
    Layer,
}

fn sort(sign: &TokenTree, group: &Group) -> Option<Sort> {
    if group.delimiter() != Delimiter::Bracket {
        return None;
    }
    let tokens = [sign.clone(), TokenTree::Group(group.clone())].into_iter().collect();
    if let Ok(attributes) = Attribute::parse_outer.parse2(tokens) {
        return attributes.iter().find_map(|attribute| {
            conditional_marker(attribute).map(|_| Sort::Marker).or_else(|| sort_of(attribute.path()))
        });
    }
    // What cannot be read as an attribute is still one of these by its name, so that it is not complained of twice.
    let first = group.stream().into_iter().next();
    first.and_then(|first| syn::parse2::<Path>(first.into()).ok()).and_then(|path| sort_of(&path))
}

fn sort_of(path: &Path) -> Option<Sort> {
    marker_role(path).map(|_| Sort::Marker).or_else(|| layer_kind(path).map(|_| Sort::Layer))
}
