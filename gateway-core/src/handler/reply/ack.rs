//! Manual answers to requests.

use std::fmt;
use std::sync::{Arc, Mutex};

use crate::error::{Exception, Rejection};
use crate::handler::reply::shared_responder::{ResponderSlot, take};
use crate::handler::{Context, FromContext, Reply, on};
use crate::protocol::ToArgs;

/// The right to answer a request, for handlers that answer later or from another task. The return value of a handler that
/// takes it is not sent, except for a failure. If dropped unused, the answer is the exception `no_reply`.
pub struct Ack(Arc<Mutex<ResponderSlot>>);

impl Ack {
    /// Answers with a value, or with several: `ack.send(&Args((one, other)))`.
    pub fn send<T: ToArgs + ?Sized>(self, value: &T) {
        if let Some(responder) = take(&self.0) {
            responder.finish(Reply::value(value));
        }
    }

    /// Answers with a failure.
    pub fn fail(self, exception: &Exception) {
        if let Some(responder) = take(&self.0) {
            responder.fail(exception);
        }
    }
}

impl FromContext<on::Message> for Ack {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let responder = context.responder().ok_or_else(|| Rejection::new("internal", "there is nothing to answer"))?;
        Ok(Self(responder.share()))
    }
}

impl fmt::Debug for Ack {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Ack")
    }
}
