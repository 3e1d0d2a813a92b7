//! The table of patterns: a tree of their segments.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::handler::router::event_names::{SEPARATORS, segment};
use crate::protocol::CATCH_ALL;

/// Values by pattern. From the left a word precedes `*`, and a longer pattern a shorter one.
#[derive(Debug)]
pub(crate) struct Patterns<T>(PatternNodes<T>);

/// Patterns that share the beginning of their names.
#[derive(Debug)]
struct PatternNodes<T> {
    /// Clients look words up and insert none, so the hash needs no secret.
    words: HashMap<Box<str>, PatternNode<T>, FxBuildHasher>,
    any: Option<Box<PatternNode<T>>>,
}

/// Patterns with a common first segment.
#[derive(Debug)]
struct PatternNode<T> {
    /// The pattern that ends here, with its value.
    end: Option<(Arc<str>, T)>,
    /// Longer patterns, by separator.
    next: [Option<Box<PatternNodes<T>>>; SEPARATORS.len()],
}

impl<T> Patterns<T> {
    /// Inserts a pattern and returns the earlier value of an equal one.
    pub(crate) fn insert(&mut self, pattern: &Arc<str>, value: T) -> Option<T> {
        let (mut segments, mut rest) = (&mut self.0, &**pattern);
        loop {
            let (text, behind) = segment(rest);
            let found = if text == "*" {
                &mut **segments.any.get_or_insert_default()
            } else {
                segments.words.entry(text.into()).or_default()
            };
            let Some((separator, behind)) = behind else {
                return found.end.replace((Arc::clone(pattern), value)).map(|(_, before)| before);
            };
            (segments, rest) = (found.next[index_of(separator)].get_or_insert_default(), behind);
        }
    }

    /// Returns the value of the most specific pattern that matches an event.
    pub(crate) fn find(&self, event: &str) -> Option<&T> {
        let catch_all = self.0.any.as_ref().and_then(|any| any.end.as_ref());
        let (_, value) = self.0.find(event).or_else(|| catch_all.filter(|(pattern, _)| &**pattern == CATCH_ALL))?;
        Some(value)
    }
}

impl<T> PatternNodes<T> {
    fn find(&self, event: &str) -> Option<&(Arc<str>, T)> {
        let (given, behind) = segment(event);
        let word = self.words.get(given).and_then(|word| word.find(behind));
        word.or_else(|| {
            let any = self.any.as_ref()?;
            let longer = if given.is_empty() || behind.is_none() { None } else { any.find(behind) };
            longer.or(any.end.as_ref().filter(|_| !event.is_empty()))
        })
    }
}

impl<T> PatternNode<T> {
    /// Finds the matching pattern from this segment on.
    fn find(&self, behind: Option<(u8, &str)>) -> Option<&(Arc<str>, T)> {
        match behind {
            None => self.end.as_ref(),
            Some((separator, rest)) => self.next[index_of(separator)].as_ref()?.find(rest),
        }
    }
}

fn index_of(separator: u8) -> usize {
    let at = SEPARATORS.iter().position(|known| *known == char::from(separator));
    at.expect("a segment ends at a separator")
}

impl<T> Default for Patterns<T> {
    fn default() -> Self {
        Self(PatternNodes::default())
    }
}

impl<T> Default for PatternNodes<T> {
    fn default() -> Self {
        Self { words: HashMap::default(), any: None }
    }
}

impl<T> Default for PatternNode<T> {
    fn default() -> Self {
        Self { end: None, next: [None, None, None] }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::handler::router::event_names::{matches, precedence};

    fn table<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Patterns<String> {
        let mut table = Patterns::default();
        for pattern in patterns {
            table.insert(&pattern.into(), pattern.to_owned());
        }
        table
    }

    #[test]
    fn the_more_precise_pattern_is_found() {
        let table = table(["*", "*.*", "a.*", "*.b", "a.*.*", "a.*.c", "a.b.*", "a:*"]);
        let check = |event: &str, expected: &str| {
            assert_eq!(table.find(event).map(String::as_str), Some(expected), "{event}");
        };
        check("a.b.x", "a.b.*");
        check("a.x.c", "a.*.c");
        check("a.x.y", "a.*.*");
        check("a.x.y.z", "a.*.*");
        check("a.x", "a.*");
        check("x.b", "*.b");
        check("x.y", "*.*");
        check("a:x", "a:*");
        check("a/x", "*");
        check("", "*");
        check(".", "*");
    }

    #[test]
    fn one_pattern_has_one_value() {
        let mut table = table(["a.*"]);
        assert_eq!(table.insert(&"a.*".into(), "other".to_owned()), Some("a.*".to_owned()));
        assert_eq!(table.insert(&"a:*".into(), "third".to_owned()), None);
        assert_eq!(table.find("b.x"), None);
    }

    proptest! {
        #[test]
        fn it_finds_what_trying_each_in_order_finds(
            patterns in proptest::collection::btree_set(r"(a|b|\*)([.:](a|b|\*)){0,3}", 1..12),
            events in proptest::collection::vec(r"[ab]{0,2}([.:/][ab]{0,2}){0,4}", 20),
        ) {
            let patterns: Vec<_> = patterns.into_iter().filter(|pattern| pattern.contains('*')).collect();
            let table = table(patterns.iter().map(String::as_str));
            let mut in_order = patterns.clone();
            in_order.sort_by_key(|pattern| (precedence(pattern), pattern.clone()));
            for event in events {
                let expected = in_order.iter().find(|pattern| *pattern == CATCH_ALL || matches(pattern, &event));
                prop_assert_eq!(table.find(&event), expected, "{} in {:?}", event, in_order);
            }
        }
    }
}
