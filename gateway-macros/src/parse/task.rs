//! Tasks that a method starts with `tokio::spawn(async move { self.… })`, which never compiles: a task may outlive what it borrows.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};
use quote::quote_spanned;

use crate::parse::flat;

/// A body whose tasks do not borrow.
pub(crate) struct Detached {
    pub(crate) body: TokenStream,
    /// Every `self` that was in one. Another stands in its place, so that the compiler does not say the same again.
    pub(crate) found: Vec<Ident>,
}

/// Looks for tasks that borrow; `None` where there is none.
pub(crate) fn detached(body: &TokenStream) -> Option<Detached> {
    let mut found = Vec::new();
    let body = walk(body.clone(), &mut found);
    (!found.is_empty()).then_some(Detached { body, found })
}

fn walk(tokens: TokenStream, found: &mut Vec<Ident>) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let walked = trees.iter().enumerate().map(|(at, tree)| {
        let TokenTree::Group(group) = tree else { return tree.clone() };
        let is_task = spawns(&trees[..at]) && is_block(group);
        rebuilt(group, if is_task { without_self(group.stream(), found) } else { walk(group.stream(), found) })
    });
    walked.collect()
}

/// Returns `true` if `tokio::spawn` comes before.
fn spawns(before: &[TokenTree]) -> bool {
    let is = |back: usize, words: &[&str]| {
        let tree = before.len().checked_sub(back).map(|at| &before[at]);
        matches!(tree, Some(TokenTree::Ident(word)) if words.iter().any(|known| word == known))
    };
    is(1, &["spawn"]) && is(4, &["tokio", "task"])
}

/// `(async move { … })`, and nothing in it that has a `self` of its own.
fn is_block(arguments: &Group) -> bool {
    let trees = flat(arguments.stream());
    let is = |at: usize, word: &str| matches!(trees.get(at), Some(TokenTree::Ident(ident)) if ident == word);
    let body = if is(1, "move") { 2 } else { 1 };
    let is_braced = matches!(trees.get(body), Some(TokenTree::Group(body)) if body.delimiter() == Delimiter::Brace);
    is(0, "async") && is_braced && !has_items(arguments.stream())
}

fn has_items(tokens: TokenStream) -> bool {
    flat(tokens).into_iter().any(|tree| match tree {
        TokenTree::Ident(word) => word == "impl" || word == "trait" || word == "macro_rules",
        TokenTree::Group(group) => has_items(group.stream()),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn without_self(tokens: TokenStream, found: &mut Vec<Ident>) -> TokenStream {
    let trees = tokens.into_iter().map(|tree| match tree {
        TokenTree::Ident(word) if word == "self" => {
            let other = quote_spanned!(word.span()=> (::core::option::Option::<&'static Self>::None.unwrap()));
            found.push(word);
            other
        }
        TokenTree::Group(group) => rebuilt(&group, without_self(group.stream(), found)).into(),
        other => other.into(),
    });
    trees.collect()
}

fn rebuilt(group: &Group, stream: TokenStream) -> TokenTree {
    let mut rebuilt = Group::new(group.delimiter(), stream);
    rebuilt.set_span(group.span());
    TokenTree::Group(rebuilt)
}
