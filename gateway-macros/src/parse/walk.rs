//! Steps over tokens that are not looked into. What a `macro_rules!` hands on stands between delimiters that nobody sees: a walk
//! goes through them, as the compiler does.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::buffer::Cursor;
use syn::parse::ParseStream;

/// One step of a walk.
pub(crate) enum Step {
    Brace,
    Semicolon,
    Comma,
    /// `<`
    Open,
    /// `>` that is not the head of an arrow.
    Close,
    Other,
}

/// Takes one token, or one group with visible delimiters; `None` at the end.
pub(crate) fn step(input: ParseStream<'_>) -> Option<Step> {
    input.step(|cursor| advance(*cursor).ok_or_else(|| cursor.error("the end"))).ok()
}

fn advance(cursor: Cursor<'_>) -> Option<(Step, Cursor<'_>)> {
    if let Some((_, _, rest)) = cursor.group(Delimiter::Brace) {
        return Some((Step::Brace, rest));
    }
    let group = cursor.group(Delimiter::Parenthesis).or_else(|| cursor.group(Delimiter::Bracket));
    if let Some((_, _, rest)) = group {
        return Some((Step::Other, rest));
    }
    // A lifetime is one token to the walk, and two to the stream.
    if let Some((_, rest)) = cursor.lifetime() {
        return Some((Step::Other, rest));
    }
    if let Some((punct, rest)) = cursor.punct() {
        let step = match punct.as_char() {
            ';' => Step::Semicolon,
            ',' => Step::Comma,
            '<' => Step::Open,
            '>' => Step::Close,
            // `->` and `=>` are one sign.
            '-' | '=' => match rest.punct() {
                Some((head, rest)) if head.as_char() == '>' => return Some((Step::Other, rest)),
                _ => Step::Other,
            },
            _ => Step::Other,
        };
        return Some((step, rest));
    }
    if let Some((_, rest)) = cursor.ident() {
        return Some((Step::Other, rest));
    }
    if let Some((_, rest)) = cursor.literal() {
        return Some((Step::Other, rest));
    }
    // What is left is a group with nothing in it and nothing around it.
    cursor.token_tree().map(|(_, rest)| (Step::Other, rest))
}

/// The tokens between two places of one stream.
pub(crate) fn between(begin: Cursor<'_>, end: Cursor<'_>) -> TokenStream {
    let mut tokens = TokenStream::new();
    let mut at = begin;
    while at < end {
        let Some((tree, rest)) = at.token_tree() else { break };
        if rest <= end {
            tokens.extend([tree]);
            at = rest;
        } else if let Some((inside, _, _)) = at.group(Delimiter::None) {
            at = inside;
        } else {
            break;
        }
    }
    tokens
}

/// The tokens, with what stands between invisible delimiters in their place.
pub(crate) fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let trees = tokens.into_iter().flat_map(|tree| match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => flat(group.stream()),
        other => vec![other],
    });
    trees.collect()
}

/// The tokens, the first of them outside of invisible delimiters.
pub(crate) fn flat_head(tokens: TokenStream) -> TokenStream {
    let mut trees = tokens.into_iter();
    match trees.next() {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::None => {
            flat_head(group.stream().into_iter().chain(trees).collect())
        }
        first => first.into_iter().chain(trees).collect(),
    }
}
