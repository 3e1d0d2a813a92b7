//! Messages that a test client received.

use std::fmt;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::protocol::{Disconnect, Message};

/// A message from the server, as described in `docs/protocol.md`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Received {
    /// An event.
    Event {
        /// The event's name.
        event: String,
        /// Its payload.
        data: Value,
    },
    /// The reply to a request, or an item of its stream.
    Reply {
        /// The request's id.
        id: u64,
        /// The request's event.
        event: String,
        /// Its payload.
        data: Value,
        /// Set if more items follow.
        more: bool,
    },
    /// The end of a stream.
    End {
        /// The request's id.
        id: u64,
    },
    /// A failure; with an id it answers a request.
    Exception {
        /// The request's id.
        id: Option<u64>,
        /// The failure.
        failure: Failure,
    },
    /// A request of the server.
    Question {
        /// The request's number.
        ask: u64,
        /// The event's name.
        event: String,
        /// Its payload.
        data: Value,
    },
    /// A message without an envelope, as sent by raw gateways.
    Message(Message),
}

/// The payload of an exception.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    payload: Value,
}

/// The server's close frame at the end of a connection; `None` if there was none.
pub type Closed = Option<Disconnect>;

/// Reason why a client could not connect.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No gateway serves this path; over HTTP the response is 404.
    #[error("there is no gateway at this path")]
    NotFound,
    /// A guard refused before the upgrade; over HTTP the response has this status.
    #[error("rejected: {status} {text}")]
    Rejected {
        /// The status.
        status: StatusCode,
        /// The text.
        text: String,
    },
    /// A guard after the upgrade or the connect hook refused.
    #[error("refused: {0}")]
    Refused(Failure, Closed),
    /// The connection ended while the hook was running.
    #[error("closed: {0:?}")]
    Closed(Closed),
}

impl Failure {
    pub(super) fn new(payload: Value) -> Self {
        Self { payload }
    }

    /// The code, if the failure has one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.payload.get("code")?.as_str()
    }

    /// The message; empty if the payload is the application's own.
    #[must_use]
    pub fn message(&self) -> &str {
        self.payload.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// The whole payload.
    #[must_use]
    pub fn payload(&self) -> &Value {
        &self.payload
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.payload.fmt(formatter)
    }
}

impl std::error::Error for Failure {}

#[derive(Deserialize)]
struct FrameMembers {
    event: String,
    #[serde(default)]
    data: Value,
    id: Option<u64>,
    #[serde(default)]
    more: bool,
    #[serde(default)]
    end: bool,
    ask: Option<u64>,
}

impl Received {
    pub(super) fn read(message: Message) -> Self {
        let text = match message {
            Message::Text(text) => text,
            Message::Binary(bytes) => return Self::Message(Message::Binary(bytes)),
        };
        let Ok(members) = serde_json::from_str::<FrameMembers>(&text) else {
            return Self::Message(Message::Text(text));
        };
        let FrameMembers { event, data, id, more, end, ask } = members;
        match (id, ask) {
            _ if event == "exception" => Self::Exception { id, failure: Failure { payload: data } },
            (Some(id), _) if end => Self::End { id },
            (Some(id), _) => Self::Reply { id, event, data, more },
            (None, Some(ask)) => Self::Question { ask, event, data },
            (None, None) => Self::Event { event, data },
        }
    }

    pub(super) fn is_about(&self, request: u64) -> bool {
        match self {
            Self::Reply { id, .. } | Self::End { id } => *id == request,
            Self::Exception { id, .. } => *id == Some(request),
            Self::Event { .. } | Self::Question { .. } | Self::Message(_) => false,
        }
    }
}
