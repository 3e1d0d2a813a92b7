//! Failures of what a client sends and receives.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::status::Closed;
use crate::wire::Data;

/// A failure that one side tells the other: the server's `exception`, or the error of an answer.
///
/// ```
/// use gateway_client::Exception;
///
/// let away = Exception::new("away", "nobody is at the desk");
/// assert_eq!((away.code(), away.message()), ("away", "nobody is at the desk"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Exception(Box<Value>);

impl Exception {
    /// Creates an exception with a code for programs and a message for people.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(serde_json::json!({ "code": code.into(), "message": message.into() })))
    }

    /// Reads the `data` of an exception. An application may send any value.
    pub(crate) fn from_data(data: &Data) -> Self {
        Self(Box::new(data.read().unwrap_or_default()))
    }

    /// Adds data for programs, as `details`.
    #[must_use]
    pub fn with_details<T: Serialize + ?Sized>(mut self, details: &T) -> Self {
        if let (Some(members), Ok(details)) = (self.0.as_object_mut(), serde_json::to_value(details)) {
            members.insert("details".to_owned(), details);
        }
        self
    }

    /// The code for programs; `"unknown"` if there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.text("code").unwrap_or("unknown")
    }

    /// The message for people.
    #[must_use]
    pub fn message(&self) -> &str {
        self.text("message").unwrap_or("the request failed")
    }

    /// The data for programs, if any.
    #[must_use]
    pub fn details(&self) -> Option<&Value> {
        self.0.get("details")
    }

    /// The event that failed, if the server names it.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.0.get("cause")?.get("pattern")?.as_str()
    }

    /// The payload as it was sent.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.0
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.0.get(member)?.as_str()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.message(), self.code())
    }
}

impl std::error::Error for Exception {}

/// Reason why an event was not queued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client has ended.
    #[error("the client is closed")]
    Closed(#[source] Closed),
    /// The queue is full. Only methods that do not wait return this.
    #[error("too many messages wait to be sent")]
    Full,
    /// The value cannot be written as JSON.
    #[error("the value cannot be written as JSON")]
    Unserializable(#[source] serde_json::Error),
}

impl SendError {
    /// The code for programs, as in the TypeScript client.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::Full => "queue_full",
            Self::Unserializable(_) => "unserializable",
        }
    }
}

/// Reason why a request has no reply, or a stream no further item.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The server's failure.
    #[error(transparent)]
    Exception(#[from] Exception),
    /// The request was not sent.
    #[error(transparent)]
    Send(#[from] SendError),
    /// No reply arrived in time. The request was cancelled; it may have been handled.
    #[error("the server did not answer in time")]
    Timeout,
    /// The connection was lost after the request had been sent. It may have been handled.
    #[error("the connection was lost")]
    Disconnected,
    /// The reply or the item does not have the expected type.
    #[error("the reply has another type")]
    Malformed(#[source] serde_json::Error),
    /// The items of a stream were not read in time; it was cancelled. See `Bounds::unread`.
    #[error("the items of the stream were not read in time")]
    Overflow,
}

impl RequestError {
    /// The code for programs: that of the server's exception, or one of `timeout`, `disconnected`, `malformed`, `overflow` and the
    /// codes of [`SendError`].
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Exception(exception) => exception.code(),
            Self::Send(error) => error.code(),
            Self::Timeout => "timeout",
            Self::Disconnected => "disconnected",
            Self::Malformed(_) => "malformed",
            Self::Overflow => "overflow",
        }
    }

    pub(crate) fn closed(closed: Closed) -> Self {
        Self::Send(SendError::Closed(closed))
    }
}

/// A failure of a subscription to an event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The data of one event does not have the expected type. Later events follow.
    #[error("the event has another type")]
    Malformed(#[source] serde_json::Error),
    /// Events were not read in time; the subscription has ended. See `Bounds::unread`.
    #[error("the events were not read in time")]
    Overflow,
}
