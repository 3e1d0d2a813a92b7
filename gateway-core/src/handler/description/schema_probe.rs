//! The schema of a type, if it has one.

use std::marker::PhantomData;

use schemars::JsonSchema;

use crate::asyncapi::{Direction, SchemaRequest};

/// A probe for `JsonSchema`: Rust prefers an inherent method to a trait method.
#[derive(Debug)]
pub struct SchemaProbe<T>(PhantomData<fn() -> T>);

impl<T> SchemaProbe<T> {
    /// Creates a probe.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made code has no prelude in which a default is found")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: JsonSchema> SchemaProbe<T> {
    #[doc(hidden)]
    #[must_use]
    pub fn __gateway_schema(&self, direction: Direction) -> SchemaRequest {
        SchemaRequest::new::<T>(direction)
    }
}

/// The other side of [`SchemaProbe`].
pub trait NoSchema {
    #[doc(hidden)]
    fn __gateway_schema(&self, direction: Direction) -> SchemaRequest;
}

impl<T> NoSchema for &SchemaProbe<T> {
    fn __gateway_schema(&self, direction: Direction) -> SchemaRequest {
        SchemaRequest::without_schema::<T>(direction)
    }
}
