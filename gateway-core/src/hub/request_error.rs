//! Failures of requests to clients and to other nodes.

use serde_json::Value;

use crate::session::SendError;

/// Reason why a request to a client, or to another node, has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The connect hook is still running. A client answers only after the hook, so the hook would wait forever.
    #[error("a client cannot be asked while its connect hook runs")]
    NotConnected,
    /// The limit of pending requests is reached.
    #[error("too many questions to this client wait for an answer")]
    TooMany,
    /// The request could not be sent.
    #[error("the question could not be sent")]
    Unsent(#[source] SendError),
    /// The request's data cannot be serialised as JSON.
    #[error("the question cannot be serialised")]
    Unserializable,
    /// No answer arrived before the timeout.
    #[error("operation has timed out")]
    Timeout,
    /// The client disconnected before it answered.
    #[error("the client is gone")]
    Gone,
    /// The client answered with an error of its own.
    #[error("the client answered with an error: {0}")]
    Refused(Value),
    /// The answer does not deserialise into the requested type.
    #[error("the client's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unserializable => Self::Unserializable,
            SendError::Full | SendError::Closed | SendError::Reserved => Self::Unsent(error),
        }
    }
}
