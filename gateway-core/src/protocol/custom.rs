//! A form of the application's own for the envelopes of plain WebSocket.

use std::borrow::Cow;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use serde_json::value::RawValue;

use crate::protocol::{
    Attachments, ContentRef, DecodeError, Encoded, Envelope, Incoming, Malformed, Message, OpCode, Outgoing, Payload,
    RequestId, TraceParent, plain,
};

/// A format of the application's own for messages on plain WebSocket, for clients that know another form than
/// `docs/protocol.md`. Set it with [`Server::message_format`](crate::Server::message_format).
///
/// ```
/// use gateway_core::format::{ClientMessage, IncomingMessage, FormatError, MessageFormat};
/// use serde_json::value::RawValue;
///
/// /// `["event", data]`; what the server outgoing stays an object.
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
    /// Where it is none of this form; the client reads the exception `malformed` with the error's text.
    fn read<'a>(&self, message: ClientMessage<'a>) -> Result<IncomingMessage<'a>, FormatError>;

    /// Writes what the server says; `None` says nothing. An answer that is not written is one that its client waits for.
    fn write(&self, outgoing: &OutgoingMessage<'_>) -> Option<Message> {
        Some(outgoing.to_json().into())
    }
}

/// A message as it came.
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
    /// Its text; that of a binary message where it is UTF-8.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn text(self) -> Result<&'a str, FormatError> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Binary(bytes) => {
                std::str::from_utf8(bytes).map_err(|_| FormatError::new("the binary frame does not hold UTF-8"))
            }
        }
    }
}

/// A message of a client. Payloads and ids are JSON.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum IncomingMessage<'a> {
    /// An event; a request where it has an id, which is a string or an integer.
    Event {
        /// Its name.
        event: Cow<'a, str>,
        /// Its payload; an array is the list of its arguments.
        data: Option<Cow<'a, RawValue>>,
        /// Given back with the answer.
        id: Option<Cow<'a, RawValue>>,
        /// The trace it belongs to, where the format has a place for that.
        trace: Option<TraceParent>,
    },
    /// The answer to a question.
    Answer {
        /// The question's number.
        question: u64,
        /// The answer, or why there is none.
        outcome: Result<Option<Cow<'a, RawValue>>, Cow<'a, RawValue>>,
    },
    /// It no longer wants the answer to the request of this id.
    Cancel {
        /// The request's id.
        id: Cow<'a, RawValue>,
    },
    /// Nothing that concerns the server: the message is passed over.
    Nothing,
}

impl<'a> IncomingMessage<'a> {
    /// An event that asks for no answer.
    pub fn event(event: impl Into<Cow<'a, str>>, data: Option<&'a RawValue>) -> Self {
        Self::Event { event: event.into(), data: data.map(Cow::Borrowed), id: None, trace: None }
    }
}

/// Why a message is none of a [`MessageFormat`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct FormatError(Cow<'static, str>);

impl FormatError {
    /// An error with this text, which its client reads.
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
    /// The only answer to a request, or the value of an event that asked for none.
    Reply,
    /// One item of a stream; more follow.
    Item,
    /// The end of a stream.
    End,
    /// A failure: of a request where it has an id.
    Exception,
    /// A question of this number, which wants an answer.
    Question(u64),
}

impl OutgoingMessage<'_> {
    /// Kind of the message.
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

    /// The event it is about; `exception` for a failure.
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

    /// Its payload as JSON, bytes in it as their base64; none at the end of a stream.
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

    /// The JSON of the id of the request it answers.
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

    /// As the plain protocol has it.
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

/// The application's own form, where it has one.
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

/// Reads a message and hands on what it says.
pub(in crate::protocol) fn decode_custom(
    format: &dyn MessageFormat,
    message: ClientMessage<'_>,
    deliver: impl FnOnce(Incoming<'_>),
) -> Result<(), DecodeError> {
    let read = catch_unwind(AssertUnwindSafe(|| format.read(message))).map_err(|_| DecodeError::Panicked)?;
    match read.map_err(|error| Malformed::new(error.0))? {
        IncomingMessage::Event { event, data, id, trace } => {
            let id = id.map(|id| RequestId::parse(&id)).transpose()?;
            let payload = Payload { trace: trace.map(Box::new), ..Payload::of_cow(data, None) };
            deliver(Incoming::Event(Envelope { event, payload, id }));
        }
        IncomingMessage::Answer { question, outcome: Ok(data) } => {
            deliver(Incoming::Answer { ask: question, outcome: Ok(Payload::of_cow(data, None)) });
        }
        IncomingMessage::Answer { question, outcome: Err(error) } => {
            deliver(Incoming::Answer { ask: question, outcome: Err(&error) });
        }
        IncomingMessage::Cancel { id } => deliver(Incoming::Cancel(RequestId::parse(&id)?)),
        IncomingMessage::Nothing => {}
    }
    Ok(())
}

/// The frame of what the server says. Where the application fails to write it, the plain protocol does.
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

impl<'a> Payload<'a> {
    /// Reads the one place that a format has for data: an array is the list of the arguments.
    pub(in crate::protocol) fn of_cow(json: Option<Cow<'a, RawValue>>, attachments: Attachments) -> Self {
        let json = json.filter(|json| json.get() != "null");
        let shape = Payload::of_data(json.as_deref()).shape;
        Self { json, shape, attachments, trace: None }
    }
}
