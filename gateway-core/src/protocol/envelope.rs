//! Messages between client and server, independent of their encoding.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::protocol::{ContentRef, Payload};

/// A message of a client, decoded as far as routing needs.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Event(Envelope<'a>),
    /// The answer to a request of the server; `Err` if the client answered with an error.
    Answer {
        ask: u64,
        outcome: Result<Payload<'a>, &'a RawValue>,
    },
    Cancel(RequestId),
    /// New credentials of a connected client.
    Renew {
        auth: &'a RawValue,
        id: Option<RequestId>,
    },
    /// The client of a multiplexed connection requests a namespace.
    Connect {
        auth: Option<&'a RawValue>,
    },
    /// The client leaves a namespace.
    Disconnect,
    /// A well-formed message without a meaning; the client must still be in the namespace.
    Nothing,
}

/// An event with its payload as JSON.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) event: Cow<'a, str>,
    pub(crate) payload: Payload<'a>,
    pub(crate) id: Option<RequestId>,
}

impl Envelope<'_> {
    /// Returns a copy that does not borrow the read buffer.
    pub(crate) fn into_owned(self) -> Envelope<'static> {
        let Self { event, payload, id } = self;
        Envelope { event: Cow::Owned(event.into_owned()), payload: payload.into_owned(), id }
    }

    /// Size in bytes while queued.
    pub(crate) fn len(&self) -> usize {
        let attachments: usize = self.payload.attachments().iter().map(bytes::Bytes::len).sum();
        self.event.len() + self.payload.text().len() + attachments
    }
}

/// The client's id of a request, returned as sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RequestId {
    Integer(i64),
    /// An integer above the range of `i64`.
    Large(u64),
    /// The JSON text of a string, quotes and escapes included.
    Text(Box<str>),
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(formatter),
            Self::Large(value) => value.fmt(formatter),
            Self::Text(json) => formatter.write_str(json),
        }
    }
}

/// Reason why a frame is not an envelope.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) why: Cow<'static, str>,
    /// Present if the frame is an object with a readable id, so that the request still gets an answer.
    pub(crate) id: Option<RequestId>,
}

impl Malformed {
    pub(crate) fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), id: None }
    }
}

/// A violation by a packet, which ends its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Violation {
    pub(crate) why: &'static str,
}

impl Violation {
    pub(crate) fn new(why: &'static str) -> Self {
        Self { why }
    }
}

/// The event of a reply: the request's own, or one chosen by the handler.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReplyEvent {
    /// The request's event: sent only if the client requested an answer.
    Own,
    /// An event chosen by the handler: sent even if the client did not request an answer.
    Other,
}

/// A message of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    Event {
        event: &'a str,
        content: ContentRef<'a>,
        /// Offset for recovery.
        offset: Option<&'a str>,
    },
    Reply {
        event: &'a str,
        content: ContentRef<'a>,
        id: Option<&'a RequestId>,
        named: ReplyEvent,
    },
    /// An item of a stream.
    Item {
        event: &'a str,
        content: ContentRef<'a>,
        id: Option<&'a RequestId>,
        named: ReplyEvent,
    },
    End {
        event: &'a str,
        id: &'a RequestId,
    },
    /// `data` is JSON.
    Exception {
        data: &'a str,
        id: Option<&'a RequestId>,
    },
    Ask {
        event: &'a str,
        content: ContentRef<'a>,
        ask: u64,
    },
    /// The connect hooks have accepted; `recovery` is the key that the client sends to resume.
    Connected {
        id: &'a str,
        recovery: Option<&'a str>,
        /// Set if the socket was resumed.
        recovered: bool,
    },
    /// A guard or a connect hook refused. `data` is the exception as JSON.
    Refused {
        data: &'a str,
    },
    /// The namespace ends for this client; the connection may stay open.
    Disconnected,
}

impl<'a> Outgoing<'a> {
    /// The offset for recovery, if already assigned.
    pub(crate) fn offset(&self) -> Option<&'a str> {
        if let Self::Event { offset, .. } = self { *offset } else { None }
    }

    /// The name and payload of the event that the message is for its client, if any.
    pub(crate) fn event(&self) -> Option<(&'a str, ContentRef<'a>)> {
        match *self {
            Self::Event { event, content, .. }
            | Self::Reply { event, content, .. }
            | Self::Item { event, content, .. } => Some((event, content)),
            Self::Exception { data, id: None } => Some(("exception", data.into())),
            Self::Exception { id: Some(_), .. }
            | Self::Ask { .. }
            | Self::End { .. }
            | Self::Connected { .. }
            | Self::Refused { .. }
            | Self::Disconnected => None,
        }
    }
}
