//! A layer around handlers, with its source location.

use std::fmt;

/// The text of an attribute and its source location.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Written {
    /// The source text, such as `SignedIn` or `Roles(&["admin"])`.
    pub text: &'static str,
    /// The source file, as named by the compiler.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

impl Written {
    /// Creates the text and location of an attribute.
    #[must_use]
    pub const fn new(text: &'static str, file: &'static str, line: u32) -> Self {
        Self { text, file, line }
    }
}

impl fmt::Display for Written {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({}:{})", self.text, self.file, self.line)
    }
}

/// A guard, interceptor or filter with its source location.
#[derive(Debug)]
pub(crate) struct Layer<T> {
    pub(crate) layer: T,
    pub(crate) written: Written,
}
