//! The messages of POSTs.

use crate::protocol::{Envelope, Incoming, Malformed, RequestId, plain};

/// The meaning of the body of a POST.
#[derive(Debug)]
pub(crate) enum PostedKind {
    /// A request, which waits for its answer.
    Request(RequestId),
    /// An event, an answer, the cancelling of a request, or new credentials.
    Message,
}

impl PostedKind {
    /// # Errors
    ///
    /// [`Malformed`] where the text is no message of the plain protocol.
    pub(crate) fn read(text: &str) -> Result<Self, Malformed> {
        Ok(match plain::decode(text)? {
            Incoming::Event(Envelope { id, .. }) | Incoming::Renew { id, .. } => {
                id.map_or(Self::Message, Self::Request)
            }
            Incoming::Answer { .. }
            | Incoming::Cancel(_)
            | Incoming::Connect { .. }
            | Incoming::Disconnect
            | Incoming::Nothing => Self::Message,
        })
    }
}
