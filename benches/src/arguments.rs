//! The command lines of the tools: `--name value` and `--flag`, nothing more.

use std::fmt::Display;
use std::str::FromStr;

/// The value after `name`.
///
/// # Panics
///
/// When it is missing or cannot be read: a measurement with other settings than asked for is of no use.
#[must_use]
pub fn option<T: FromStr<Err: Display>>(name: &str) -> Option<T> {
    let value = options(name).pop()?;
    Some(value.parse().unwrap_or_else(|error| panic!("{name} {value}: {error}")))
}

/// The values after each `name`, in order.
#[must_use]
pub fn options(name: &str) -> Vec<String> {
    let arguments: Vec<String> = std::env::args().collect();
    arguments.windows(2).filter(|pair| pair[0] == name).map(|pair| pair[1].clone()).collect()
}

/// Whether `name` stands on the command line.
#[must_use]
pub fn flag(name: &str) -> bool {
    std::env::args().any(|argument| argument == name)
}

/// The first argument when it is no option: what to do.
#[must_use]
pub fn command() -> Option<String> {
    std::env::args().nth(1).filter(|argument| !argument.starts_with("--"))
}
