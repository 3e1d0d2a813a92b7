//! Return values of handlers and their conversion to replies.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use serde_json::value::RawValue;

use crate::error::{Exception, Rejection};
use crate::handler::{ErrorTypes, IntoException};
use crate::protocol::{Content, FromArgs, RawArgs, ToArgs, is_reserved};
use crate::session::SendError;

/// The outcome of a handler: nothing, a value, a stream of values, or a failure.
pub struct Reply(pub(crate) Outcome);

pub(crate) enum Outcome {
    Empty,
    /// `event` is `None` for the request's own event.
    Value {
        event: Option<Cow<'static, str>>,
        content: Content,
    },
    Stream(Pin<Box<dyn Stream<Item = Reply> + Send>>),
    Failed(Exception),
}

impl Reply {
    /// Creates a reply without a value.
    #[must_use]
    pub fn empty() -> Self {
        Self(Outcome::Empty)
    }

    /// Creates a reply with a value, on the request's own event.
    pub fn value<T: ToArgs + ?Sized>(value: &T) -> Self {
        Self::from_content(None, reply_content(value.to_args()))
    }

    /// Creates a reply with a value on another event. The event is sent even if the client did not request an answer. A
    /// reserved name such as `connect` becomes the exception `internal`.
    pub fn event<T: ToArgs>(event: impl Into<Cow<'static, str>>, value: T) -> Self {
        let event = event.into();
        if is_reserved(&event) {
            return Exception::hidden("internal", &SendError::Reserved).into();
        }
        Self::from_content(Some(event), reply_content(value.into_args()))
    }

    /// Creates a reply that sends each item as it arrives, then an explicit end if the client requested an answer.
    pub fn stream<S>(stream: S) -> Self
    where
        S: Stream + Send + 'static,
        S::Item: IntoReply,
    {
        Self(Outcome::Stream(Box::pin(stream.map(IntoReply::into_reply))))
    }

    /// The exception, if the reply is a failure.
    #[must_use]
    pub fn exception(&self) -> Option<&Exception> {
        match &self.0 {
            Outcome::Failed(exception) => Some(exception),
            Outcome::Empty | Outcome::Value { .. } | Outcome::Stream(_) => None,
        }
    }

    /// Returns `true` if there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.0, Outcome::Empty)
    }

    /// Deserialises the value as a client would. `None` for an empty reply, a stream or a failure.
    #[must_use]
    pub fn read<T: FromArgs>(&self) -> Option<Result<T, serde_json::Error>> {
        match &self.0 {
            Outcome::Value { content, .. } => Some(T::from_args(content.clone().into())),
            Outcome::Empty | Outcome::Stream(_) | Outcome::Failed(_) => None,
        }
    }

    /// The value's event, if not the request's own.
    #[must_use]
    pub fn event_name(&self) -> Option<&str> {
        match &self.0 {
            Outcome::Value { event, .. } => event.as_deref(),
            Outcome::Empty | Outcome::Stream(_) | Outcome::Failed(_) => None,
        }
    }

    /// Applies `change` to the value, or to each item of a stream.
    #[must_use]
    pub fn map(self, mut change: impl FnMut(Self) -> Self + Send + 'static) -> Self {
        match self.try_into_stream() {
            Ok(items) => Self::stream(items.map(change)),
            Err(single) => change(single),
        }
    }

    /// Replaces the value, or each item of a stream, by another on the same event. The reply stays unchanged if it has no
    /// value or the value is not a `T`.
    #[must_use]
    pub fn map_value<T: FromArgs, R: ToArgs>(self, mut change: impl FnMut(T) -> R + Send + 'static) -> Self {
        self.map(move |reply| match reply.read() {
            Some(Ok(value)) => {
                let content = reply_content(change(value).into_args());
                let Outcome::Value { event, .. } = reply.0 else { return reply };
                Self::from_content(event, content)
            }
            Some(Err(_)) | None => reply,
        })
    }

    /// Returns the stream of the reply.
    ///
    /// # Errors
    ///
    /// The reply itself if it is not a stream.
    pub fn try_into_stream(self) -> Result<Pin<Box<dyn Stream<Item = Self> + Send>>, Self> {
        match self.0 {
            Outcome::Stream(items) => Ok(items),
            outcome @ (Outcome::Empty | Outcome::Value { .. } | Outcome::Failed(_)) => Err(Self(outcome)),
        }
    }

    /// Creates a reply of raw JSON.
    pub(crate) fn from_raw(json: Box<RawValue>) -> Self {
        Self::unnamed(Box::<str>::from(json).into_string().into())
    }

    /// Creates a reply of a serialised payload, on the request's own event.
    pub(crate) fn unnamed(content: Content) -> Self {
        Self(Outcome::Value { event: None, content })
    }

    fn from_content(event: Option<Cow<'static, str>>, content: Result<Content, Exception>) -> Self {
        Self(match content {
            Ok(content) => Outcome::Value { event, content },
            Err(exception) => Outcome::Failed(exception),
        })
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Outcome::Empty => formatter.write_str("Reply::Empty"),
            Outcome::Value { event, .. } => {
                formatter.debug_struct("Reply::Value").field("event", event).finish_non_exhaustive()
            }
            Outcome::Stream(_) => formatter.write_str("Reply::Stream"),
            Outcome::Failed(exception) => formatter.debug_tuple("Reply::Failed").field(exception).finish(),
        }
    }
}

impl From<Rejection> for Reply {
    fn from(rejection: Rejection) -> Self {
        Self(Outcome::Failed(rejection.into_exception()))
    }
}

impl From<Exception> for Reply {
    fn from(exception: Exception) -> Self {
        Self(Outcome::Failed(exception))
    }
}

/// A type that a handler may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent as a reply",
    label = "this is not a reply",
    note = "wrap a type of your own in `Data<{Self}>`; it must implement `serde::Serialize`",
    note = "replies are `()`, `Data<T>`, text, numbers, `bool`, `serde_json::Value`, `Bytes`, `Reply`, an `Option` of these, or a `Result` of these with an exception"
)]
pub trait IntoReply {
    /// Converts the value into a reply.
    fn into_reply(self) -> Reply;

    /// Adds the error types that filters may get. Default: any.
    #[doc(hidden)]
    fn error_types(types: &mut ErrorTypes)
    where
        Self: Sized,
    {
        types.add_unknown();
    }
}

impl IntoReply for Reply {
    fn into_reply(self) -> Reply {
        self
    }
}

impl IntoReply for () {
    fn into_reply(self) -> Reply {
        Reply::empty()
    }

    fn error_types(_: &mut ErrorTypes) {}
}

impl<T: IntoReply> IntoReply for Option<T> {
    fn into_reply(self) -> Reply {
        self.map_or_else(Reply::empty, T::into_reply)
    }

    fn error_types(types: &mut ErrorTypes) {
        T::error_types(types);
    }
}

impl<T: IntoReply, E: IntoException> IntoReply for Result<T, E> {
    fn into_reply(self) -> Reply {
        match self {
            Ok(value) => value.into_reply(),
            Err(error) => Reply(Outcome::Failed(error.into_exception())),
        }
    }

    fn error_types(types: &mut ErrorTypes) {
        T::error_types(types);
        E::error_types(types);
    }
}

macro_rules! reply_with_json {
    ($($type:ty)*) => {$(
        impl IntoReply for $type {
            fn into_reply(self) -> Reply {
                Reply::value(&self)
            }

            fn error_types(_: &mut ErrorTypes) {}
        }
    )*};
}

reply_with_json! {
    bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
    &str String Cow<'_, str> serde_json::Value crate::session::SocketId
}

/// Returns the payload of a reply, or the exception for a failed serialisation.
fn reply_content(args: Result<RawArgs, serde_json::Error>) -> Result<Content, Exception> {
    args.map(RawArgs::into_content).map_err(|error| Exception::hidden("unserializable", &error))
}

/// A boxed future or stream, which cannot be a reply.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is a future or a stream that nothing polls",
    label = "this is not a reply",
    note = "a handler that waits is an `async fn` that returns the value; a stream is returned as `impl Stream<Item = …>`",
    note = "where that cannot stand, as in a `Result`, a stream is wrapped: `Result<Streamed<BoxStream<'static, T>>, E>`"
)]
pub trait Driven {}

// Exists only for the compiler's message.
impl<T: Driven + ?Sized> IntoReply for Pin<Box<T>> {
    fn into_reply(self) -> Reply {
        Reply::empty()
    }
}

impl IntoReply for Bytes {
    fn into_reply(self) -> Reply {
        Reply::value(&self)
    }

    fn error_types(_: &mut ErrorTypes) {}
}
