//! Gateways with thousands of names and patterns, made without macros.

use std::sync::Arc;

use gateway_core::manual::{Declared, Fields, Gateway, HandlerFuture, Handlers, Subscription};
use gateway_core::{Context, IntoReply};

/// The namespace with a handler of 5000 names.
pub(super) const NAMES: &str = "/names";
/// The namespace with 1500 patterns.
pub(super) const PATTERNS: &str = "/patterns";

/// Number of names.
pub(super) const NAME_COUNT: usize = 5000;
/// Number of words that three patterns each are made of.
pub(super) const WORD_COUNT: usize = 500;

pub(super) struct Named;

impl Gateway for Named {
    const NAMESPACE: &'static str = NAMES;
    const DECLARED: Declared = Declared::new("Named", file!(), line!());

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

pub(super) struct Patterned;

impl Gateway for Patterned {
    const NAMESPACE: &'static str = PATTERNS;
    const DECLARED: Declared = Declared::new("Patterned", file!(), line!());

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

/// The name with this number; all are of one length.
pub(super) fn name(number: usize) -> String {
    format!("thing-{:04}-changed", number % NAME_COUNT)
}

/// The word with this number.
pub(super) fn word(number: usize) -> String {
    format!("thing-{:04}", number % WORD_COUNT)
}

pub(super) fn names(handlers: &mut Handlers<Named>) {
    subscribe(handlers, (0..NAME_COUNT).map(name));
}

pub(super) fn patterns(handlers: &mut Handlers<Patterned>) {
    let of_word = |word: String| [format!("{word}.*.changed"), format!("*.{word}.*"), format!("things.*.{word}")];
    subscribe(handlers, (0..WORD_COUNT).map(word).flat_map(of_word));
}

/// Adds one handler of all these names. They live as long as the program, as those that are written do.
fn subscribe<G: Gateway>(handlers: &mut Handlers<G>, names: impl Iterator<Item = String>) {
    let names: &'static [&'static str] = names.map(|name| &*name.leak()).collect::<Vec<_>>().leak();
    let [first, others @ ..] = names else { return };
    let answer = |_: &Arc<G>, _: &Context<'_>| HandlerFuture::ready(().into_reply());
    handlers.subscribe(Subscription::new(first, "any", file!(), line!()).also(others), answer);
}
