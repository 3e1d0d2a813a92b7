//! Kinds of arguments: what each reads of an event.

use std::marker::PhantomData;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Rejection;
use crate::handler::description::schema_probe::SchemaProbe;
use crate::handler::{Ack, Data, Path, Valid};
use crate::protocol::{Args, RawArgs};

/// Part of an event that an argument reads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ArgumentKind {
    /// The payload as one value.
    Value,
    /// The payload as a list.
    Arguments,
    /// The payload as bytes.
    Binary,
    /// The parameters of the namespace.
    Path,
    /// The right to answer.
    Ack,
}

/// An extractor of the framework that reads something a client sends.
pub trait ArgumentShape {
    /// Type that is read.
    type Payload;
    /// Source of what is read.
    const KIND: ArgumentKind;
}

macro_rules! shapes {
    ($([$($parameter:ident)?] $extractor:ty => $kind:ident $payload:ty;)*) => {$(
        impl$(<$parameter>)? ArgumentShape for $extractor {
            type Payload = $payload;
            const KIND: ArgumentKind = ArgumentKind::$kind;
        }
    )*};
}

shapes! {
    [T] Data<T> => Value T;
    [T] Args<T> => Arguments T;
    [] RawArgs => Arguments Vec<Value>;
    [] Box<RawValue> => Value Value;
    [] Bytes => Binary ();
    [T] Path<T> => Path T;
    [] Ack => Ack ();
}

impl<E: ArgumentShape> ArgumentShape for Valid<E> {
    type Payload = E::Payload;
    const KIND: ArgumentKind = E::KIND;
}

impl<T: ArgumentShape> ArgumentShape for Result<T, Rejection> {
    type Payload = T::Payload;
    const KIND: ArgumentKind = T::KIND;
}

/// A probe for the kind of an argument: Rust prefers an inherent method to a trait method.
#[derive(Debug)]
pub struct ArgumentProbe<T>(PhantomData<fn() -> T>);

impl<T> ArgumentProbe<T> {
    /// Creates a probe.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made code has no prelude in which a default is found")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ArgumentShape> ArgumentProbe<T> {
    /// The kind, and a probe for the type that is read.
    #[doc(hidden)]
    #[must_use]
    pub fn __gateway_argument(&self) -> (Option<ArgumentKind>, SchemaProbe<T::Payload>) {
        (Some(T::KIND), SchemaProbe::new())
    }
}

/// The other side of [`ArgumentProbe`]: an argument that reads nothing a client sends, as far as is known.
pub trait UnknownArgument {
    #[doc(hidden)]
    fn __gateway_argument(&self) -> (Option<ArgumentKind>, SchemaProbe<()>) {
        (None, SchemaProbe::new())
    }
}

impl<T> UnknownArgument for &ArgumentProbe<T> {}
