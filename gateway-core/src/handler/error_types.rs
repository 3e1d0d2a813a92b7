//! The types of errors that a handler can fail with, known before it runs.

use std::any::TypeId;

/// The types of errors that filters can be asked for where one value fails. A type that does not say its own may fail with any.
#[derive(Debug, Default)]
pub struct ErrorTypes {
    known: Vec<TypeId>,
    has_unknown: bool,
}

impl ErrorTypes {
    /// Adds an error type. Its sources are added on their own.
    pub fn add<E: 'static>(&mut self) {
        self.known.push(TypeId::of::<E>());
    }

    /// Adds every error type.
    pub fn add_unknown(&mut self) {
        self.has_unknown = true;
    }

    pub(crate) fn contains(&self, error: TypeId) -> bool {
        self.has_unknown || self.known.contains(&error)
    }
}
