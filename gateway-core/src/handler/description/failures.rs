//! Codes of failures, known before a handler runs.

use std::marker::PhantomData;

use crate::asyncapi::{ErrorCode, Failures};
use crate::handler::IntoException;
use crate::handler::description::docs::trimmed;

/// The codes that an error type may give. A type that does not list them may give any.
#[derive(Debug, Default)]
pub struct ErrorCodes {
    pub(super) codes: Vec<ErrorCode>,
    pub(super) is_open: bool,
}

impl ErrorCodes {
    /// Adds every code.
    pub fn add_unknown(&mut self) {
        self.is_open = true;
    }

    /// The codes as the contract has them: sorted, each once.
    pub(crate) fn to_failures(&self) -> Failures {
        let Self { codes, is_open } = self;
        let (mut codes, is_open) = (codes.clone(), *is_open);
        codes.sort();
        codes.dedup_by(|later, first| later.code == first.code);
        Failures { codes, is_open }
    }

    /// Adds a code with its doc comment.
    pub fn add(&mut self, code: &'static str, docs: &'static str) {
        let docs = trimmed(docs);
        self.codes.push(ErrorCode { code: code.to_owned(), description: (!docs.is_empty()).then_some(docs) });
    }
}

/// A probe for the outcome of a connect hook.
#[derive(Debug)]
pub struct RefusalProbe<T>(PhantomData<fn() -> T>);

impl<T> RefusalProbe<T> {
    /// Creates a probe.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made code has no prelude in which a default is found")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<E: IntoException> RefusalProbe<Result<(), E>> {
    #[doc(hidden)]
    pub fn __gateway_refusals(&self, codes: &mut ErrorCodes) {
        E::error_codes(codes);
    }
}

impl RefusalProbe<()> {
    #[doc(hidden)]
    pub fn __gateway_refusals(&self, _: &mut ErrorCodes) {}
}

/// The other side of [`RefusalProbe`].
pub trait UnknownRefusal {
    #[doc(hidden)]
    fn __gateway_refusals(&self, codes: &mut ErrorCodes) {
        codes.add_unknown();
    }
}

impl<T> UnknownRefusal for &RefusalProbe<T> {}
