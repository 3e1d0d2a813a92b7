//! Kinds of replies: what a handler's return type tells of its answer.

use std::borrow::Cow;
use std::marker::PhantomData;

use bytes::Bytes;
use futures_core::Stream;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::handler::description::failures::ErrorCodes;
use crate::handler::description::schema_probe::SchemaProbe;
use crate::handler::{Data, IntoException, Streamed};
use crate::protocol::{Args, RawArgs};
use crate::session::SocketId;

/// The kind of a handler's reply.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ReplyKind {
    /// No value.
    #[default]
    Empty,
    /// One value.
    Value,
    /// A list of arguments.
    Arguments,
    /// Bytes.
    Binary,
    /// Items, each a value.
    Stream,
    /// Items that are streams.
    StreamOfStreams,
    /// Known when the handler runs.
    Untold,
}

/// A return type that tells its reply.
pub trait ReplyShape {
    /// Type of the value, or of an item.
    type Payload;
    /// Kind of the reply.
    const KIND: ReplyKind;
    /// `true` if there may be no value.
    const MAY_BE_ABSENT: bool = false;

    /// Adds the codes of the failures.
    fn failures(_: &mut ErrorCodes) {}
}

macro_rules! shapes {
    ($([$($parameter:ident)?] $reply:ty => $kind:ident $payload:ty;)*) => {$(
        impl$(<$parameter>)? ReplyShape for $reply {
            type Payload = $payload;
            const KIND: ReplyKind = ReplyKind::$kind;
        }
    )*};
}

shapes! {
    [] () => Empty ();
    [T] Data<T> => Value T;
    [T] Args<T> => Arguments T;
    [] RawArgs => Arguments Vec<Value>;
    [] Box<RawValue> => Value Value;
    [] Bytes => Binary ();
    [] &str => Value String;
    [] Cow<'_, str> => Value String;
}

macro_rules! values {
    ($($type:ty)*) => {$(
        impl ReplyShape for $type {
            type Payload = $type;
            const KIND: ReplyKind = ReplyKind::Value;
        }
    )*};
}

values! { bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize String Value SocketId }

impl<T: ReplyShape> ReplyShape for Option<T> {
    type Payload = T::Payload;
    const KIND: ReplyKind = T::KIND;
    const MAY_BE_ABSENT: bool = true;

    fn failures(codes: &mut ErrorCodes) {
        T::failures(codes);
    }
}

impl<T: ReplyShape, E: IntoException> ReplyShape for Result<T, E> {
    type Payload = T::Payload;
    const KIND: ReplyKind = T::KIND;
    const MAY_BE_ABSENT: bool = T::MAY_BE_ABSENT;

    fn failures(codes: &mut ErrorCodes) {
        T::failures(codes);
        E::error_codes(codes);
    }
}

impl<S: Stream<Item: ReplyShape>> ReplyShape for Streamed<S> {
    type Payload = <S::Item as ReplyShape>::Payload;
    const KIND: ReplyKind = of_items(<S::Item as ReplyShape>::KIND);

    fn failures(codes: &mut ErrorCodes) {
        S::Item::failures(codes);
    }
}

pub(super) const fn of_items(item: ReplyKind) -> ReplyKind {
    match item {
        ReplyKind::Stream | ReplyKind::StreamOfStreams => ReplyKind::StreamOfStreams,
        ReplyKind::Untold => ReplyKind::Untold,
        ReplyKind::Empty | ReplyKind::Value | ReplyKind::Arguments | ReplyKind::Binary => ReplyKind::Stream,
    }
}

/// A probe for the kind of a reply: Rust prefers an inherent method to a trait method.
#[derive(Debug)]
pub struct ReplyProbe<T>(PhantomData<fn() -> T>);

impl<T> ReplyProbe<T> {
    /// Creates a probe.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made code has no prelude in which a default is found")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T: ReplyShape> ReplyProbe<T> {
    /// The shape, and a probe for the type of the value.
    #[doc(hidden)]
    #[must_use]
    pub fn __gateway_reply(&self) -> (ToldReply, SchemaProbe<T::Payload>) {
        let told = ToldReply { kind: T::KIND, may_be_absent: T::MAY_BE_ABSENT, failures: T::failures };
        (told, SchemaProbe::new())
    }
}

/// The shape of a reply with its type erased.
#[derive(Clone, Copy, Debug)]
pub struct ToldReply {
    pub(super) kind: ReplyKind,
    pub(super) may_be_absent: bool,
    pub(super) failures: fn(&mut ErrorCodes),
}

/// The other side of [`ReplyProbe`]: a type of the application, which makes its reply when it runs.
pub trait UnknownReply {
    #[doc(hidden)]
    fn __gateway_reply(&self) -> (ToldReply, SchemaProbe<()>) {
        (
            ToldReply { kind: ReplyKind::Untold, may_be_absent: false, failures: ErrorCodes::add_unknown },
            SchemaProbe::new(),
        )
    }
}

// Without a bound: what is no reply is told once, where it is returned.
impl<T> UnknownReply for &ReplyProbe<T> {}
