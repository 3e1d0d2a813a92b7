//! Replies of raw gateways.

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

/// Outcome of a raw gateway's handler: a message to send back, nothing, or a failure, which closes the connection because
/// there is no envelope for it.
pub(crate) type RawReply = Result<Option<Message>, Exception>;

/// A return type of `#[on_message]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the reply of a raw gateway",
    label = "this cannot be sent as a whole message",
    note = "return `()`, `Message`, `String`, `Bytes`, an `Option` of these, or a `Result` of these with an exception"
)]
pub trait RawOutput {
    /// The message to send back.
    fn into_output(self) -> Result<Option<Message>, Exception>;
}

impl From<Rejection> for Result<Option<Message>, Exception> {
    fn from(rejection: Rejection) -> Self {
        Err(rejection.into_exception())
    }
}

impl RawOutput for () {
    fn into_output(self) -> Result<Option<Message>, Exception> {
        Ok(None)
    }
}

macro_rules! into_message {
    ($($type:ty)*) => {$(
        impl RawOutput for $type {
            fn into_output(self) -> Result<Option<Message>, Exception> {
                Ok(Some(self.into()))
            }
        }
    )*};
}

into_message!(Message String &'static str Bytes Vec<u8>);

impl<T: RawOutput> RawOutput for Option<T> {
    fn into_output(self) -> Result<Option<Message>, Exception> {
        self.map_or(Ok(None), T::into_output)
    }
}

impl<T: RawOutput, E: IntoException> RawOutput for Result<T, E> {
    fn into_output(self) -> Result<Option<Message>, Exception> {
        match self {
            Ok(value) => value.into_output(),
            Err(error) => Err(error.into_exception()),
        }
    }
}
