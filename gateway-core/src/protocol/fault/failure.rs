//! The error of a deserializer as serde reports it, worded in terms of JSON instead of Rust.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::protocol::fault::{Fault, Step};

/// A deserialisation error that collects its path while it is returned.
#[derive(Debug)]
pub(super) struct ReadError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// Steps of the path, innermost first.
    steps: Vec<OwnedStep>,
    what: ReadErrorKind,
}

#[derive(Debug)]
enum OwnedStep {
    Member(String),
    Element(usize),
}

#[derive(Debug)]
enum ReadErrorKind {
    /// Another kind of value is expected.
    Type {
        expected: String,
        found: FoundValue,
    },
    /// The kind is right and the value is wrong.
    Value {
        expected: String,
        found: FoundValue,
    },
    Length {
        expected: String,
        found: usize,
    },
    Missing,
    Unknown {
        known: &'static [&'static str],
    },
    Variant {
        known: &'static [&'static str],
    },
    Duplicate,
    /// An error worded by the type itself.
    Other(String),
}

/// A value as described in a message. Of the client's values only numbers are quoted.
#[derive(Debug, Eq, PartialEq)]
enum FoundValue {
    Null,
    Number(String),
    Other(Cow<'static, str>),
}

/// Maximum number of names in a list.
const LISTED: usize = 16;

/// Description of a type of bytes.
const BYTES: &str = "binary data or a base64 string";

impl ReadError {
    fn new(what: ReadErrorKind) -> Self {
        Self(Box::new(Inner { steps: Vec::new(), what }))
    }

    pub(super) fn too_long(read: usize, there: usize) -> Self {
        Self::new(ReadErrorKind::Length { expected: elements(read), found: there })
    }

    /// Creates the error of a missing member.
    pub(super) fn absent() -> Self {
        Self::new(ReadErrorKind::Missing)
    }

    pub(super) fn inside_member(mut self, name: &str) -> Self {
        self.0.steps.push(OwnedStep::Member(name.to_owned()));
        self
    }

    pub(super) fn inside_element(mut self, index: usize) -> Self {
        self.0.steps.push(OwnedStep::Element(index));
        self
    }

    /// Converts the error to a fault of a payload. The client sent the first `given` elements; the rest is filled with
    /// `null`.
    pub(super) fn into_fault(self, given: Option<usize>) -> Fault {
        let Inner { steps, what } = *self.0;
        let is_left_out = match (steps.as_slice(), given) {
            ([], Some(0)) => true,
            ([OwnedStep::Element(index)], Some(given)) => *index >= given,
            _ => false,
        };
        let mut path = "$".to_owned();
        for step in steps.iter().rev() {
            match step {
                OwnedStep::Member(name) => Step::Member(name).push_to(&mut path),
                OwnedStep::Element(index) => Step::Element(*index).push_to(&mut path),
            }
        }
        let what = match what {
            ReadErrorKind::Type { found: FoundValue::Null, .. } if is_left_out => ReadErrorKind::Missing,
            what => what,
        };
        Fault { path, rule: what.rule().into(), message: what.message() }
    }
}

impl ReadErrorKind {
    fn rule(&self) -> &'static str {
        match self {
            Self::Type { .. } => "type",
            Self::Value { found: FoundValue::Number(_), .. } => "range",
            Self::Value { .. } => "value",
            Self::Length { .. } => "length",
            Self::Missing => "missing",
            Self::Unknown { .. } => "unknown",
            Self::Variant { .. } => "variant",
            Self::Duplicate => "duplicate",
            Self::Other(_) => "custom",
        }
    }

    fn message(self) -> Cow<'static, str> {
        match self {
            Self::Type { expected, found } | Self::Value { expected, found } => {
                let found = match found {
                    FoundValue::Null => "null".into(),
                    FoundValue::Number(number) if expected.contains("number") => number.into(),
                    FoundValue::Number(_) => "a number".into(),
                    FoundValue::Other(found) => found,
                };
                format!("expected {expected}, found {found}").into()
            }
            Self::Length { expected, found } => format!("expected {expected}, found {found}").into(),
            Self::Missing => "missing".into(),
            Self::Unknown { known: [] } => "unknown; no member is known here".into(),
            Self::Unknown { known } => format!("unknown; expected {}", list(known)).into(),
            Self::Variant { known } => format!("expected {}", list(known)).into(),
            Self::Duplicate => "given twice".into(),
            Self::Other(text) => text.into(),
        }
    }
}

/// Joins names: `a`, `b` or `c`.
fn list(names: &[&str]) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    if names.len() > LISTED {
        return format!("{} or one of {} others", listed.join(", "), names.len() - LISTED);
    }
    match listed.pop() {
        Some(last) if listed.is_empty() => last,
        Some(last) => format!("{} or {last}", listed.join(", ")),
        None => "nothing".to_owned(),
    }
}

fn elements(count: usize) -> String {
    if count == 1 { "1 element".to_owned() } else { format!("{count} elements") }
}

/// Describes the expected value without names of Rust.
fn in_json(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    if let Some(range) = range_of(&text) {
        return range;
    }
    let named = |prefix: &str| text.starts_with(prefix);
    match &*text {
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a character" => "a string of one character".to_owned(),
        "unit" => "null".to_owned(),
        "a sequence" | "a set" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        "byte array" | "a byte array" | "borrowed byte array" => BYTES.to_owned(),
        "option" => "a value or null".to_owned(),
        _ if named("struct variant ") || named("struct ") => "an object".to_owned(),
        _ if named("tuple variant ") || named("tuple struct ") => "an array".to_owned(),
        _ if named("unit struct ") => "null".to_owned(),
        _ if named("enum ") => "a string or an object with one member".to_owned(),
        _ => match text.strip_prefix("a tuple of size ").or_else(|| text.strip_prefix("an array of length ")) {
            Some(size) => format!("an array of {size}"),
            None => text,
        },
    }
}

fn range_of(text: &str) -> Option<String> {
    let range = match text {
        "u8" => "from 0 to 255",
        "u16" => "from 0 to 65535",
        "u32" => "from 0 to 4294967295",
        "i8" => "from -128 to 127",
        "i16" => "from -32768 to 32767",
        "i32" => "from -2147483648 to 2147483647",
        "u64" | "u128" | "usize" => "that is not negative",
        "i64" | "i128" | "isize" => return Some("a whole number".to_owned()),
        _ if text.starts_with("a nonzero ") => "other than 0",
        _ => return None,
    };
    Some(format!("a whole number {range}"))
}

fn found(unexpected: Unexpected<'_>) -> FoundValue {
    match unexpected {
        Unexpected::Unit | Unexpected::Option => FoundValue::Null,
        Unexpected::Unsigned(number) => FoundValue::Number(number.to_string()),
        Unexpected::Signed(number) => FoundValue::Number(number.to_string()),
        Unexpected::Float(number) => FoundValue::Number(number.to_string()),
        Unexpected::Bool(true) => FoundValue::Other("true".into()),
        Unexpected::Bool(false) => FoundValue::Other("false".into()),
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::UnitVariant => FoundValue::Other("a string".into()),
        Unexpected::Bytes(_) => FoundValue::Other("binary data".into()),
        Unexpected::Seq | Unexpected::TupleVariant => FoundValue::Other("an array".into()),
        Unexpected::Map | Unexpected::StructVariant => FoundValue::Other("an object".into()),
        Unexpected::NewtypeStruct | Unexpected::NewtypeVariant | Unexpected::Enum => {
            FoundValue::Other("another value".into())
        }
        // Serde has no kind for numbers of 128 bits.
        Unexpected::Other(text) => match text.strip_prefix("integer `").and_then(|text| text.split_once("` as ")) {
            Some((digits, _)) => FoundValue::Number(digits.to_owned()),
            None => FoundValue::Other(text.to_owned().into()),
        },
    }
}

impl de::Error for ReadError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(ReadErrorKind::Other(text.to_string()))
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(ReadErrorKind::Type { expected: in_json(expected), found: found(unexpected) })
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(ReadErrorKind::Value { expected: in_json(expected), found: found(unexpected) })
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let text = expected.to_string();
        // `a tuple of size 2`, `an array of length 2`, `struct Point with 2 elements`
        let digits = text.trim_end_matches(" elements").trim_end_matches(" element").rsplit(' ').next();
        let expected = digits.and_then(|digits| digits.parse().ok()).map_or_else(|| in_json(&&*text), elements);
        Self::new(ReadErrorKind::Length { expected, found: length })
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(ReadErrorKind::Variant { known })
    }

    fn unknown_field(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(ReadErrorKind::Unknown { known }).inside_member(name)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(ReadErrorKind::Missing).inside_member(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new(ReadErrorKind::Duplicate).inside_member(name)
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.0.what)
    }
}

impl std::error::Error for ReadError {}
