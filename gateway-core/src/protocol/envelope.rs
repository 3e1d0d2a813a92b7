//! Messages between the two sides, independent of their encoding.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::protocol::{ContentRef, Payload};

/// A message of a client, read as far as routing needs.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Event(Envelope<'a>),
    /// The answer to a question of the server; `Err` when the client could not answer.
    Answer {
        ask: u64,
        outcome: Result<Payload<'a>, &'a RawValue>,
    },
    Cancel(RequestId),
    /// A connection that serves several namespaces asks for one.
    Connect {
        auth: Option<&'a RawValue>,
    },
    /// It leaves one.
    Disconnect,
    /// Well-formed, but of no meaning; whoever says it must be in the namespace all the same.
    Nothing,
}

/// One event, its payload still JSON.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) event: Cow<'a, str>,
    pub(crate) payload: Payload<'a>,
    pub(crate) id: Option<RequestId>,
}

impl Envelope<'_> {
    /// A copy that holds no read buffer.
    pub(crate) fn into_owned(self) -> Envelope<'static> {
        let Self { event, payload, id } = self;
        Envelope { event: Cow::Owned(event.into_owned()), payload: payload.into_owned(), id }
    }

    /// Bytes it occupies while it waits.
    pub(crate) fn len(&self) -> usize {
        let attachments: usize = self.payload.attachments().iter().map(bytes::Bytes::len).sum();
        self.event.len() + self.payload.text().len() + attachments
    }
}

/// The client's name for a request, given back as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RequestId {
    Integer(i64),
    /// Above what `i64` holds.
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

/// Why a frame is no envelope.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) why: Cow<'static, str>,
    /// Present where the frame was an object with a readable id, so that the request still gets its answer.
    pub(crate) id: Option<RequestId>,
}

impl Malformed {
    pub(crate) fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), id: None }
    }
}

/// Why a packet ends the connection it came on.
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

/// Name that an answer goes out under: the request's event, or one the handler chose.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ReplyEvent {
    /// On the request's event: of use only to who asked.
    Own,
    /// On an event the handler named: goes out whether or not the client asked.
    Other,
}

/// Everything the server says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    Event {
        event: &'a str,
        content: ContentRef<'a>,
        /// Where it stands in what a client can ask for again.
        offset: Option<&'a str>,
    },
    Reply {
        event: &'a str,
        content: ContentRef<'a>,
        id: Option<&'a RequestId>,
        named: ReplyEvent,
    },
    /// One of a stream.
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
    /// The connect hooks have accepted; `recovery` is what the client names to resume as the same socket.
    Connected {
        id: &'a str,
        recovery: Option<&'a str>,
        /// The socket is that of an earlier connection.
        recovered: bool,
    },
    /// They have not. `data` is the exception as JSON.
    Refused {
        data: &'a str,
    },
    /// The namespace ends for this client, the connection need not.
    Disconnected,
}

impl<'a> Outgoing<'a> {
    /// Where it stands in what a client can ask for again, where that was known when it was said.
    pub(crate) fn offset(&self) -> Option<&'a str> {
        if let Self::Event { offset, .. } = self { *offset } else { None }
    }
}
