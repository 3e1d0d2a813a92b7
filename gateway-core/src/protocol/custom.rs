//! Message formats of the application's own on plain WebSocket.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use serde_json::value::RawValue;

use crate::protocol::{
    ContentRef, DecodeError, Encoded, Envelope, Incoming, Malformed, Message, OpCode, Outgoing, Payload, RequestId,
    TraceParent, plain,
};

/// A custom format of messages on plain WebSocket, for clients that do not speak the protocol of `docs/protocol.md`. Set
/// it with [`Server::message_format`](crate::Server::message_format).
///
/// ```
/// use gateway_core::format::{ClientMessage, IncomingMessage, FormatError, MessageFormat};
/// use serde_json::value::RawValue;
///
/// /// `["event", data]` from the client; the server still sends objects.
/// struct Pairs;
///
/// impl MessageFormat for Pairs {
///     fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError> {
///         let (event, data): (&str, &RawValue) = serde_json::from_str(message.text()?)?;
///         Ok(IncomingMessage::event(event, Some(data)))
///     }
/// }
/// ```
pub trait MessageFormat: Send + Sync + 'static {
    /// Reads a message.
    ///
    /// # Errors
    ///
    /// When the message is not of this format. The client receives the exception `malformed` with the error's text.
    fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError>;

    /// Writes a message of the server; `None` sends nothing. If an answer is not sent, its client keeps waiting.
    fn write(&self, outgoing: &OutgoingMessage<'_>) -> Option<Message> {
        Some(outgoing.to_json().into())
    }
}

/// A received message.
#[derive(Clone, Copy, Debug)]
pub enum ClientMessage<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

impl From<ClientMessage<'_>> for Message {
    fn from(message: ClientMessage<'_>) -> Self {
        match message {
            ClientMessage::Text(text) => text.into(),
            ClientMessage::Binary(bytes) => bytes.to_vec().into(),
        }
    }
}

impl<'a> ClientMessage<'a> {
    /// The message's text; a binary message must be UTF-8.
    ///
    /// # Errors
    ///
    /// When a binary message is not UTF-8.
    pub fn text(self) -> Result<&'a str, FormatError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| FormatError::new("the binary frame does not hold UTF-8"))
            }
        }
    }
}

/// A decoded message of a client. Payloads and ids are JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IncomingMessage<'a> {
    /// An event; with an id, which is a string or an integer, it is a request.
    Event {
        /// The event's name.
        event: Cow<'a, str>,
        /// The payload; an array is the list of arguments.
        data: Option<Cow<'a, RawValue>>,
        /// The request's id, returned with the answer.
        id: Option<Cow<'a, RawValue>>,
        /// The trace the event belongs to, if the format carries one.
        trace: Option<TraceParent>,
    },
    /// The answer to a request of the server.
    Answer {
        /// The request's number.
        question: u64,
        /// The answer, or the client's error.
        outcome: Result<Option<Cow<'a, RawValue>>, Cow<'a, RawValue>>,
    },
    /// The client cancels the request with this id.
    Cancel {
        /// The request's id.
        id: Cow<'a, RawValue>,
    },
    /// A message that the server ignores.
    Nothing,
}

impl<'a> IncomingMessage<'a> {
    /// Creates an event that expects no answer.
    pub fn event(event: impl Into<Cow<'a, str>>, data: Option<&'a RawValue>) -> Self {
        Self::Event { event: event.into(), data: data.map(Cow::Borrowed), id: None, trace: None }
    }
}

/// Reason why a message is not of a [`MessageFormat`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(Cow<'static, str>);

impl FormatError {
    /// Creates an error with this text, which the client receives.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(text.into())
    }
}

impl From<serde_json::Error> for FormatError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// A message of the server.
#[derive(Debug)]
pub struct OutgoingMessage<'a>(&'a Outgoing<'a>);

/// Kind of a message of the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum OutgoingKind {
    /// An event.
    Event,
    /// The only answer to a request, or a handler's value for an event without id.
    Reply,
    /// One item of a stream; more follow.
    Item,
    /// The end of a stream.
    End,
    /// A failure; with an id it answers a request.
    Exception,
    /// A request of the server with this number, which expects an answer.
    Question(u64),
}

impl OutgoingMessage<'_> {
    /// The message's kind.
    #[must_use]
    pub fn kind(&self) -> OutgoingKind {
        match self.0 {
            Outgoing::Event { .. } | Outgoing::Connected { .. } | Outgoing::Disconnected => OutgoingKind::Event,
            Outgoing::Reply { .. } => OutgoingKind::Reply,
            Outgoing::Item { .. } => OutgoingKind::Item,
            Outgoing::End { .. } => OutgoingKind::End,
            Outgoing::Exception { .. } | Outgoing::Refused { .. } => OutgoingKind::Exception,
            Outgoing::Ask { ask, .. } => OutgoingKind::Question(*ask),
        }
    }

    /// The message's event; `exception` for a failure.
    #[must_use]
    pub fn event(&self) -> &str {
        match self.0 {
            Outgoing::Event { event, .. }
            | Outgoing::Reply { event, .. }
            | Outgoing::Item { event, .. }
            | Outgoing::End { event, .. }
            | Outgoing::Ask { event, .. } => event,
            Outgoing::Exception { .. } | Outgoing::Refused { .. } => "exception",
            Outgoing::Connected { .. } | Outgoing::Disconnected => "",
        }
    }

    /// The payload as JSON, with bytes as base64; `None` at the end of a stream.
    #[must_use]
    pub fn data(&self) -> Option<Cow<'_, str>> {
        let content = match self.0 {
            Outgoing::Event { content, .. }
            | Outgoing::Reply { content, .. }
            | Outgoing::Item { content, .. }
            | Outgoing::Ask { content, .. } => *content,
            Outgoing::Exception { data, .. } | Outgoing::Refused { data } => ContentRef::from(*data),
            Outgoing::End { .. } | Outgoing::Connected { .. } | Outgoing::Disconnected => return None,
        };
        if content.attachments.is_empty() {
            return Some(Cow::Borrowed(content.json));
        }
        let mut json = Vec::new();
        content.write_plain(&mut json);
        Some(Cow::Owned(into_text(json)))
    }

    /// The id of the answered request, as JSON.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        match self.0 {
            Outgoing::Reply { id, .. } | Outgoing::Item { id, .. } | Outgoing::Exception { id, .. } => {
                id.map(ToString::to_string)
            }
            Outgoing::End { id, .. } => Some(id.to_string()),
            Outgoing::Event { .. }
            | Outgoing::Ask { .. }
            | Outgoing::Refused { .. }
            | Outgoing::Connected { .. }
            | Outgoing::Disconnected => None,
        }
    }

    /// The message in the plain protocol.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = Vec::with_capacity(plain::expected_len(self.0));
        plain::encode(self.0, &mut json);
        into_text(json)
    }
}

fn into_text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is written from texts")
}

/// The application's own format, if any.
#[derive(Default)]
pub(crate) struct CustomFormat(OnceLock<&'static dyn MessageFormat>);

impl CustomFormat {
    pub(crate) fn set(&self, format: &'static dyn MessageFormat) {
        let _ = self.0.set(format);
    }

    pub(crate) fn get(&self) -> Option<&'static dyn MessageFormat> {
        self.0.get().copied()
    }
}

impl fmt::Debug for CustomFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.get().is_some() { "CustomFormat" } else { "None" })
    }
}

/// Decodes a message and passes it on.
pub(in crate::protocol) fn decode_custom(
    format: &dyn MessageFormat,
    message: ClientMessage<'_>,
    deliver: impl FnOnce(Incoming<'_>),
) -> Result<(), DecodeError> {
    let read = catch_unwind(AssertUnwindSafe(|| format.read(message))).map_err(|_| DecodeError::Panicked)?;
    match read.map_err(|error| Malformed::new(error.0))? {
        IncomingMessage::Event { event, data, id, trace } => {
            let id = id.map(|id| RequestId::parse(&id)).transpose()?;
            let payload = Payload { trace: trace.map(Box::new), ..Payload::from_cow(data.map(text), None) };
            deliver(Incoming::Event(Envelope { event, payload, id }));
        }
        IncomingMessage::Answer { question, outcome: Ok(data) } => {
            deliver(Incoming::Answer { ask: question, outcome: Ok(Payload::from_cow(data.map(text), None)) });
        }
        IncomingMessage::Answer { question, outcome: Err(error) } => {
            deliver(Incoming::Answer { ask: question, outcome: Err(&error) });
        }
        IncomingMessage::Cancel { id } => deliver(Incoming::Cancel(RequestId::parse(&id)?)),
        IncomingMessage::Nothing => {}
    }
    Ok(())
}

fn text(json: Cow<'_, RawValue>) -> Cow<'_, str> {
    match json {
        Cow::Borrowed(json) => Cow::Borrowed(json.get()),
        Cow::Owned(json) => Cow::Owned(Box::<str>::from(json).into()),
    }
}

/// Encodes a message of the server. If the application's format panics, the plain protocol is used.
pub(in crate::protocol) fn encode_custom(format: Option<&dyn MessageFormat>, outgoing: &Outgoing<'_>) -> Encoded {
    if matches!(outgoing, Outgoing::Connected { .. } | Outgoing::Disconnected) {
        return Encoded::nothing();
    }
    let outgoing = OutgoingMessage(outgoing);
    let Some(format) = format else { return Encoded::frame(OpCode::Text, outgoing.to_json().as_bytes()) };
    match catch_unwind(AssertUnwindSafe(|| format.write(&outgoing))) {
        Ok(Some(Message::Text(text))) => Encoded::frame(OpCode::Text, text.as_bytes()),
        Ok(Some(Message::Binary(bytes))) => Encoded::frame(OpCode::Binary, &bytes),
        Ok(None) => Encoded::nothing(),
        Err(_) => {
            tracing::error!(event = outgoing.event(), "a message format panicked");
            Encoded::frame(OpCode::Text, outgoing.to_json().as_bytes())
        }
    }
}
