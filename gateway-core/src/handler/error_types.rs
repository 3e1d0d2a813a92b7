//! The error types of a handler, known before it runs.

use std::any::TypeId;

/// The error types that filters may get from a handler's result. A type that does not declare them may fail with any.
#[derive(Debug, Default)]
pub struct ErrorTypes {
    known: Vec<TypeId>,
    has_unknown: bool,
}

impl ErrorTypes {
    /// Adds an error type. Its sources are added separately.
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
