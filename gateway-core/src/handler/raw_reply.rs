//! Replies of raw gateways, which speak whole messages.

use bytes::Bytes;

use crate::error::{Exception, Rejection};
use crate::handler::{Context, FromContext, IntoException, on};
use crate::protocol::Message;

impl FromContext<on::Raw> for Message {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        context
            .take_message()
            .ok_or_else(|| Rejection::new("internal", "the message was already taken by another argument"))
    }
}

/// What a raw gateway's handler left: a message to send back, nothing, or a failure, which ends the connection, as there
/// is no envelope to tell it in.
#[derive(Debug)]
pub struct RawReply(pub(crate) Result<Option<Message>, Exception>);

/// What `#[on_message]` may return.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a raw gateway",
    label = "this cannot be sent as a whole message",
    note = "return `()`, `Message`, `String`, `Bytes`, an `Option` of these, or a `Result` of these with an exception"
)]
pub trait IntoRawReply {
    /// The message to send back.
    fn into_raw_reply(self) -> RawReply;
}

impl From<Rejection> for RawReply {
    fn from(rejection: Rejection) -> Self {
        Self(Err(rejection.into_exception()))
    }
}

impl IntoRawReply for () {
    fn into_raw_reply(self) -> RawReply {
        RawReply(Ok(None))
    }
}

macro_rules! into_message {
    ($($type:ty)*) => {$(
        impl IntoRawReply for $type {
            fn into_raw_reply(self) -> RawReply {
                RawReply(Ok(Some(self.into())))
            }
        }
    )*};
}

into_message!(Message String &'static str Bytes Vec<u8>);

impl<T: IntoRawReply> IntoRawReply for Option<T> {
    fn into_raw_reply(self) -> RawReply {
        self.map_or(RawReply(Ok(None)), T::into_raw_reply)
    }
}

impl<T: IntoRawReply, E: IntoException> IntoRawReply for Result<T, E> {
    fn into_raw_reply(self) -> RawReply {
        match self {
            Ok(value) => value.into_raw_reply(),
            Err(error) => RawReply(Err(error.into_exception())),
        }
    }
}
