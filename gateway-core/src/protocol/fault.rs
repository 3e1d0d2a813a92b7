//! Faults of a payload: path, rule, and a message for the client's developer.

mod collect;
mod explain;
mod failure;
mod sent_names;

use std::borrow::Cow;

use serde::Serialize;

pub(in crate::protocol) use collect::every_fault;
pub(in crate::protocol) use explain::explain;
pub(in crate::protocol) use sent_names::name_as_sent;

/// A fault of a payload.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(crate) struct Fault {
    /// Path of the faulty value: `$` is the whole payload, `$.items[3].price` a value in it.
    pub(crate) path: String,
    /// Name of the broken rule for programs, such as `type`, `missing` or `length`.
    pub(crate) rule: Cow<'static, str>,
    /// Message for humans.
    pub(crate) message: Cow<'static, str>,
}

impl Fault {
    /// Creates a fault from a parser's error, without its line and column.
    pub(in crate::protocol) fn from_parser(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.rsplit_once(" at line ").map_or(&*text, |(what, _)| what);
        let what = what[..what.floor_char_boundary(LONGEST_PATH)].to_owned();
        Self { path: "$".to_owned(), rule: "unreadable".into(), message: what.into() }
    }

    /// Creates a fault. A long path is cut.
    pub(crate) fn new(mut path: String, rule: Cow<'static, str>, message: Cow<'static, str>) -> Self {
        path.truncate(path.floor_char_boundary(LONGEST_PATH + LONGEST_NAME));
        Self { path, rule, message }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

/// A step of a path, from a value to a value in it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

/// Maximum bytes of a name in a path, and of a path. Names are chosen by clients, and many faults may share one.
const LONGEST_NAME: usize = 256;
const LONGEST_PATH: usize = 1024;

impl Step<'_> {
    /// Appends the step: `.price`, `[3]`, or `["unit price"]` for a name that is not a word. Long names and paths are
    /// cut.
    pub(crate) fn push_to(self, path: &mut String) {
        if path.len() > LONGEST_PATH {
            return;
        }
        match self.cut() {
            Self::Element(index) => {
                path.push('[');
                path.push_str(&index.to_string());
                path.push(']');
            }
            Self::Member(name) if is_word(name) => {
                path.push('.');
                path.push_str(name);
            }
            Self::Member(name) => {
                path.push('[');
                path.push_str(&serde_json::to_string(name).expect("a string is always JSON"));
                path.push(']');
            }
        }
    }
}

impl Step<'_> {
    fn cut(self) -> Self {
        match self {
            Self::Member(name) => Self::Member(&name[..name.floor_char_boundary(LONGEST_NAME)]),
            Self::Element(index) => Self::Element(index),
        }
    }
}

fn is_word(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_alphabetic() || first == '_' || first == '$')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_written_as_javascript_would() {
        let check = |step: Step<'_>, expected: &str| {
            let mut path = "$".to_owned();
            step.push_to(&mut path);
            assert_eq!(path, expected);
        };
        check(Step::Member("price"), "$.price");
        check(Step::Element(3), "$[3]");
        check(Step::Member("größe"), "$.größe");
        check(Step::Member("unit price"), r#"$["unit price"]"#);
        check(Step::Member("a\"b"), r#"$["a\"b"]"#);
        check(Step::Member("1st"), r#"$["1st"]"#);
        check(Step::Member(""), r#"$[""]"#);
        check(Step::Member(&"ü".repeat(200)), &format!("$.{}", "ü".repeat(128)));
        let mut path = "$".to_owned();
        (0..100).for_each(|_| Step::Member(&"a".repeat(1000)).push_to(&mut path));
        assert_eq!(path.len(), 1 + 4 * 257);
    }
}
