//! Faults of a configuration: while it is read, and as an operator reads them.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config_file::tree::{ConfigEntry, ValuePlace};
use crate::config_file::variables;
use crate::nearest::nearest;

/// Known keys that are listed where none is similar.
const LISTED: usize = 12;
/// Characters of a text that a fault repeats.
const REPEATED: usize = 40;

/// A fault, as serde reports it.
#[derive(Debug)]
pub(super) struct ReadFault {
    /// Keys from the fault outwards.
    path: Vec<String>,
    /// Set if the last key is wrong, and not its value.
    is_of_key: bool,
    kind: FaultKind,
}

#[derive(Debug)]
enum FaultKind {
    /// A key that nothing reads. It is the last one of the path.
    UnknownKey {
        known: &'static [&'static str],
    },
    MissingKey(&'static str),
    Other(String),
}

impl ReadFault {
    /// An unknown key; its name is added with [`ReadFault::of_key`].
    pub(super) fn unknown_key(known: &'static [&'static str]) -> Self {
        FaultKind::UnknownKey { known }.into()
    }

    /// The fault of a key instead of its value.
    pub(super) fn of_key(self, key: &str) -> Self {
        Self { is_of_key: true, ..self }.under(key)
    }

    pub(super) fn is_of_key(&self) -> bool {
        self.is_of_key
    }

    /// The fault as seen from the table or the list around it.
    pub(super) fn under(mut self, key: impl Into<String>) -> Self {
        self.path.push(key.into());
        self
    }

    /// Keys from the root to the fault.
    pub(super) fn path(&self) -> Vec<String> {
        self.path.iter().rev().cloned().collect()
    }

    /// Known keys beside an unknown one.
    pub(super) fn known(&self) -> Option<&'static [&'static str]> {
        match self.kind {
            FaultKind::UnknownKey { known } => Some(known),
            FaultKind::MissingKey(_) | FaultKind::Other(_) => None,
        }
    }

    /// The key that is missing, with the keys that lead to it.
    pub(super) fn missing(&self) -> Option<Vec<String>> {
        match self.kind {
            FaultKind::MissingKey(key) => Some(self.path().into_iter().chain([key.to_owned()]).collect()),
            FaultKind::UnknownKey { .. } | FaultKind::Other(_) => None,
        }
    }
}

impl From<FaultKind> for ReadFault {
    fn from(kind: FaultKind) -> Self {
        Self { path: Vec::new(), is_of_key: false, kind }
    }
}

impl fmt::Display for ReadFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            FaultKind::UnknownKey { .. } => formatter.write_str("unknown key"),
            FaultKind::MissingKey(key) => write!(formatter, "`{key}` is missing"),
            FaultKind::Other(what) => formatter.write_str(what),
        }
    }
}

impl std::error::Error for ReadFault {}

impl de::Error for ReadFault {
    fn custom<T: fmt::Display>(what: T) -> Self {
        FaultKind::Other(what.to_string()).into()
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // The text of a wrong place may be a secret of another one.
        let found = if let Unexpected::Str(_) = found { "a text".to_owned() } else { plain_value(found) };
        FaultKind::Other(format!("expected {}, found {found}", plain_type(&expected.to_string()))).into()
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        FaultKind::Other(format!("expected {}, found {}", plain_type(&expected.to_string()), plain_value(found))).into()
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        let known = expected.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let found: String = found.chars().take(REPEATED).collect();
        FaultKind::Other(format!("expected one of {known}, found `{found}`{}", hint(nearest(&found, expected)))).into()
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::unknown_key(known)
    }

    fn missing_field(key: &'static str) -> Self {
        FaultKind::MissingKey(key).into()
    }
}

/// Words of the operator for those of serde and Rust.
fn plain_type(expected: &str) -> String {
    let plain = match expected {
        "usize" | "u64" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "a nonzero u32" => "a whole number from 1 to 4294967295",
        "a boolean" => "`true` or `false`",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    plain.to_owned()
}

fn plain_value(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Str(text) => format!("{:?}", text.chars().take(REPEATED).collect::<String>()),
        Unexpected::Map => "a table".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        other => other.to_string(),
    }
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

/// A fault of a configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigFault {
    place: String,
    line: Option<usize>,
    key: String,
    what: String,
}

impl ConfigFault {
    /// File and line, as in `gateway.toml:7`, or the name of an environment variable.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Key with the tables around it, as in `server.limits.connections`; empty for a file as a whole.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Description of the fault, with what is expected.
    #[must_use]
    pub fn what(&self) -> &str {
        &self.what
    }

    /// A text that is no TOML.
    pub(super) fn malformed(place: &ValuePlace, what: &str) -> Self {
        Self::new(place, String::new(), format!("no TOML: {what}"))
    }

    pub(super) fn unreadable(file: &str, error: &std::io::Error) -> Self {
        Self {
            place: file.to_owned(),
            line: None,
            key: String::new(),
            what: format!("the file cannot be read: {error}"),
        }
    }

    /// A fault that was met while `root` was read; `elsewhere` is the table that an unknown key belongs to, if it is known.
    pub(super) fn met(fault: &ReadFault, root: &ConfigEntry, elsewhere: Option<&str>) -> Self {
        let path = fault.path();
        let place = &root.closest(&path).place;
        let what = match &fault.kind {
            FaultKind::UnknownKey { known } => {
                let key = path.last().map_or("", String::as_str);
                format!("unknown key{}", suggestion(key, known, place, elsewhere))
            }
            FaultKind::MissingKey(_) | FaultKind::Other(_) => fault.to_string(),
        };
        Self::new(place, path.join("."), what)
    }

    fn new(place: &ValuePlace, key: String, what: String) -> Self {
        let line = if let ValuePlace::Line { line, .. } = place { Some(*line) } else { None };
        Self { place: place.to_string(), line, key, what }
    }

    /// Faults of files come first, in the order of their lines.
    fn order(&self) -> (bool, &str, Option<usize>) {
        let file = self.line.and_then(|_| self.place.rsplit_once(':')).map_or(self.place.as_str(), |(file, _)| file);
        (self.line.is_none(), file, self.line)
    }
}

fn suggestion(key: &str, known: &[&str], place: &ValuePlace, elsewhere: Option<&str>) -> String {
    match (nearest(key, known), elsewhere, place) {
        (Some(near), _, ValuePlace::Variable(name)) => hint(Some(&variables::renamed(name, key, near))),
        (Some(near), _, _) => hint(Some(near)),
        (None, Some(table), _) => format!("; it belongs to `{table}`"),
        (None, None, _) if known.is_empty() => "; there are none here".to_owned(),
        (None, None, _) if known.len() <= LISTED => format!("; there are {}", known.join(", ")),
        (None, None, _) => String::new(),
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, key, what, line: _ } = self;
        if key.is_empty() {
            write!(formatter, "{place}: {what}")
        } else {
            write!(formatter, "{place}: `{key}`: {what}")
        }
    }
}

/// Faults of a configuration, all at once. `Debug` writes a readable report, as shown when `main` returns the error.
#[derive(thiserror::Error)]
#[error("{}", FaultReport(faults))]
pub struct ConfigError {
    faults: Vec<ConfigFault>,
}

impl ConfigError {
    pub(super) fn new(mut faults: Vec<ConfigFault>) -> Self {
        faults.sort_by(|one, other| one.order().cmp(&other.order()));
        Self { faults }
    }

    /// The faults: those of files by their lines, then those of variables.
    #[must_use]
    pub fn faults(&self) -> &[ConfigFault] {
        &self.faults
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

struct FaultReport<'a>(&'a [ConfigFault]);

impl fmt::Display for FaultReport<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        let plural = if faults.len() == 1 { "fault" } else { "faults" };
        write!(formatter, "the configuration has {} {plural}:", faults.len())?;
        faults.iter().try_for_each(|fault| write!(formatter, "\n  {fault}"))
    }
}
