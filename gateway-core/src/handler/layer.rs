//! Something that stands around handlers, and where in the source it was put there.

use std::fmt;

/// Text of an attribute and its place in the source.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Written {
    /// As in the source: `SignedIn`, `Roles(&["admin"])`.
    pub text: &'static str,
    /// Source file, as the compiler names it.
    pub file: &'static str,
    /// Line in it.
    pub line: u32,
}

impl Written {
    /// Something written at this place.
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

/// A guard, interceptor or filter in its place.
#[derive(Debug)]
pub(crate) struct Layer<T> {
    pub(crate) layer: T,
    pub(crate) written: Written,
}
