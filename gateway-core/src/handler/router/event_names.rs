//! The event names of a handler: exact ones, and patterns such as `order.*`.

mod patterns;

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

pub(crate) use self::patterns::Patterns;
use crate::protocol::is_reserved;

/// Characters that end a segment of a name.
const SEPARATORS: [char; 3] = ['.', ':', '/'];

/// Maximum length of a name; longer ones cannot be sent.
const LONGEST: usize = 256;

/// The names of one handler.
#[derive(Debug)]
pub(crate) enum Names {
    /// A single exact name, stored as the handler's own text.
    One,
    Several {
        names: Box<[Arc<str>]>,
        /// The exact names.
        exact: HashSet<Arc<str>, FxBuildHasher>,
    },
}

impl Names {
    /// Creates the names, and one text for all of them.
    pub(crate) fn new(first: &str, others: &[&str]) -> (Self, Arc<str>) {
        if others.is_empty() && !is_pattern(first) {
            return (Self::One, first.into());
        }
        let all = std::iter::once(first).chain(others.iter().copied());
        let text = all.clone().collect::<Vec<_>>().join(", ");
        let names: Box<[Arc<str>]> = all.map(Into::into).collect();
        let exact = names.iter().filter(|name| !is_pattern(name)).cloned().collect();
        (Self::Several { names, exact }, text.into())
    }

    /// All names; `text` is the text from [`Names::new`].
    pub(crate) fn all<'a>(&'a self, text: &'a Arc<str>) -> &'a [Arc<str>] {
        match self {
            Self::One => std::slice::from_ref(text),
            Self::Several { names, .. } => names,
        }
    }

    /// The name of an event; for a pattern, the name sent by the client.
    pub(crate) fn of_event<'a>(&'a self, text: &'a Arc<str>, event: &str) -> Cow<'a, Arc<str>> {
        match self {
            Self::One => Cow::Borrowed(text),
            Self::Several { exact, .. } => exact.get(event).map_or_else(|| Cow::Owned(event.into()), Cow::Borrowed),
        }
    }
}

pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains('*')
}

/// Returns the reason why a name cannot be subscribed to. `gateway-macros` has the same reasons.
pub(crate) fn cannot_be_subscribed(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("an event has a name"),
        "exception" => Some("it is how the server tells a client of a failure, and no client sends it"),
        name if is_reserved(name) => Some("Socket.IO clients keep this name for themselves, and cannot send it"),
        name if name.len() > LONGEST => Some("no event has a name of more than 256 bytes"),
        name if name.split(SEPARATORS).any(|segment| segment != "*" && segment.contains('*')) => {
            Some("a `*` stands for a whole segment, between `.`, `:` or `/`")
        }
        _ => None,
    }
}

/// Returns `true` if an event matches a pattern: `*` matches one segment, at the pattern's end one or more.
#[cfg(test)]
fn matches(pattern: &str, event: &str) -> bool {
    let (mut pattern, mut event) = (pattern, event);
    loop {
        let (wanted, pattern_goes_on) = segment(pattern);
        if wanted == "*" && pattern_goes_on.is_none() {
            return !event.is_empty();
        }
        let (given, event_goes_on) = segment(event);
        let fits = if wanted == "*" { !given.is_empty() } else { wanted == given };
        match (pattern_goes_on, event_goes_on) {
            (None, None) => return fits,
            (Some((separator, rest)), Some((other, behind))) if fits && separator == other => {
                (pattern, event) = (rest, behind);
            }
            _ => return false,
        }
    }
}

/// Splits off the first segment; returns it with the separator and the rest.
fn segment(name: &str) -> (&str, Option<(u8, &str)>) {
    // All separators are ASCII, so comparing bytes suffices.
    let is_separator = |byte: u8| SEPARATORS.iter().any(|separator| *separator as u32 == u32::from(byte));
    match name.bytes().position(is_separator) {
        Some(end) => (&name[..end], Some((name.as_bytes()[end], &name[end + 1..]))),
        None => (name, None),
    }
}

/// Sort key of patterns: from the left, a word before `*`, and a longer pattern before a shorter one.
#[cfg(test)]
fn precedence(pattern: &str) -> Vec<Rank> {
    let rank = |segment| if segment == "*" { Rank::Any } else { Rank::Word };
    pattern.split(SEPARATORS).map(rank).chain([Rank::End]).collect()
}

#[cfg(test)]
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Rank {
    Word,
    Any,
    End,
}

/// The rules by which the macros refuse a name, from their source.
#[cfg(test)]
#[path = "../../../../gateway-macros/src/check/event_name.rs"]
mod rules_of_macros;

#[cfg(test)]
mod tests {
    use super::rules_of_macros::{Direction, event_mistake};
    use super::*;
    use proptest::prelude::*;

    /// Parts of names, among them all that a rule mentions.
    fn name() -> impl Strategy<Value = String> {
        let part = prop_oneof![
            Just(String::from("*")),
            "[a-z.:/*]{0,3}",
            proptest::sample::select(vec![
                "connect",
                "connect_error",
                "disconnect",
                "disconnecting",
                "newListener",
                "removeListener",
                "exception",
            ])
            .prop_map(String::from),
            (250..260_usize).prop_map(|length| "a".repeat(length)),
        ];
        proptest::collection::vec(part, 0..3).prop_map(|parts| parts.concat())
    }

    proptest! {
        #[test]
        fn macros_and_the_start_refuse_the_same_names(name in name()) {
            let by_macros = event_mistake(&name, Direction::In);
            prop_assert_eq!(cannot_be_subscribed(&name).is_some(), by_macros.is_some(), "{}: {:?}", name, by_macros);
            // Names of events that are sent are not checked for their length at run time.
            if (1..=LONGEST).contains(&name.len()) {
                prop_assert_eq!(is_reserved(&name), event_mistake(&name, Direction::Out).is_some(), "{}", name);
            }
        }
    }

    #[test]
    fn a_star_is_a_segment_and_at_the_end_as_many_as_there_are() {
        let check = |pattern: &str, event: &str, expected: bool| {
            assert_eq!(matches(pattern, event), expected, "{pattern} and {event}");
        };
        check("order.*", "order.created", true);
        check("order.*", "order.item.added", true);
        check("order.*", "order.*", true);
        check("order.*", "order", false);
        check("order.*", "order.", false);
        check("order.*", "orders.created", false);
        check("order.*", "order:created", false);
        check("order:*", "order:created", true);
        check("room/*/left", "room/7/left", true);
        check("room/*/left", "room/7/8/left", false);
        check("room/*/left", "room//left", false);
        check("room/*/left", "room/7/left/", false);
        check("*.created", "order.created", true);
        check("*.created", "order.item.created", false);
        check("*.*", "a.b.c", true);
        check("*.*", "a", false);
        check("*", "a.b", true);
        check("*", "", false);
        check("größe.*", "größe.ü", true);
    }

    #[test]
    fn the_more_precise_pattern_is_tried_first() {
        let mut patterns = ["*", "*.*", "a.*", "*.b", "a.*.*", "a.*.c", "a.b.*"];
        patterns.sort_by_key(|pattern| precedence(pattern));
        assert_eq!(patterns, ["a.b.*", "a.*.c", "a.*.*", "a.*", "*.b", "*.*", "*"]);
    }

    #[test]
    fn what_no_event_can_be_called_is_known() {
        let check = |name: &str, expected: bool| assert_eq!(cannot_be_subscribed(name).is_some(), expected, "{name}");
        for right in ["a", "*", "a.*", "*:*", "a/*/b", "connected", "*.connect"] {
            check(right, false);
        }
        for wrong in ["", "exception", "connect", "newListener", "a*", "a.b*", "**", "a.**", &"a".repeat(257)] {
            check(wrong, true);
        }
    }
}
