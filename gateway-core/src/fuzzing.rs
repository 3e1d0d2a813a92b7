//! Entry points of the fuzz targets (`gateway-core/fuzz`), compiled under `cfg(fuzzing)` only. They return what the
//! crate makes of bytes; the targets judge it.

mod compressed;
mod lines;
mod packets;
mod proxy_header;

pub use compressed::{agree, inflate, read_compressed_frames, write_compressed};
pub use lines::{FuzzFirst, read_first, read_lines, write_line};
pub use packets::{FuzzForm, FuzzPacket, read_packets, read_polled, write_packet, write_plain, write_polled};
pub use proxy_header::{FuzzHeader, read_proxy_header};

use http::request::Parts;
use http::{HeaderMap, Response};
use serde_json::value::RawValue;

use crate::protocol::{
    ClientMessage, Codec, ContentRef, Disconnect, EncodeContext, Envelope, Flow, FrameDecoder, Incoming, MsgpackLimits,
    Outgoing, ReceivedMessage, ReplyEvent, WireFormat, exceeds_depth,
};
use crate::transport::{Handshake, OriginPolicy, Upgrade, UpgradeIntent};

/// A message or control frame that a decoder lent.
#[derive(Debug, Eq, PartialEq)]
pub enum Read {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong, whatever its payload.
    Pong,
    /// A close frame: code and reason.
    Close(Option<(u16, String)>),
}

/// Result of a decoder for a client's bytes.
#[derive(Debug, Eq, PartialEq)]
pub struct FuzzReading {
    /// In order.
    pub messages: Vec<Read>,
    /// The close code of the violation that ended it.
    pub failed: Option<u16>,
}

/// Feeds `bytes` in pieces of these sizes; what is behind the last in one.
#[must_use]
pub fn read_frames(bytes: &[u8], pieces: impl IntoIterator<Item = usize>, message_bytes: usize) -> FuzzReading {
    read_by(FrameDecoder::new(message_bytes), bytes, pieces)
}

fn read_by(mut decoder: FrameDecoder, bytes: &[u8], pieces: impl IntoIterator<Item = usize>) -> FuzzReading {
    let mut messages = Vec::new();
    let mut pieces = pieces.into_iter();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(pieces.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        rest = behind;
        let mut piece = piece.to_vec();
        let fed = decoder.feed(&mut piece, &mut |received| {
            messages.push(Read::from(received));
            Flow::Continue
        });
        match fed {
            Ok(read) => assert_eq!(read, piece.len(), "nothing is left where nothing pauses"),
            Err(violation) => return FuzzReading { messages, failed: Some(violation.code.as_u16()) },
        }
    }
    FuzzReading { messages, failed: None }
}

impl From<ReceivedMessage<'_>> for Read {
    fn from(received: ReceivedMessage<'_>) -> Self {
        let close = |Disconnect { code, reason }| (code.as_u16(), reason.into_owned());
        match received {
            ReceivedMessage::Text(text) => Self::Text(text.to_owned()),
            ReceivedMessage::Binary(bytes) => Self::Binary(bytes.to_vec()),
            ReceivedMessage::Ping(bytes) => Self::Ping(bytes.to_vec()),
            ReceivedMessage::Pong => Self::Pong,
            ReceivedMessage::Close(disconnect) => Self::Close(disconnect.map(close)),
        }
    }
}

/// The answer to an upgrade request, or what is wrong with it.
///
/// # Errors
///
/// The text that a client would receive.
pub fn upgrade(request: &Parts, subprotocols: &[String]) -> Result<Response<()>, String> {
    Upgrade::check(request, UpgradeIntent::from_headers(&request.headers), subprotocols)
        .map(|upgrade| upgrade.response())
        .map_err(|error| error.to_string())
}

/// Returns `true` if the default policy lets a page with these headers connect.
#[must_use]
pub fn admits_origin(headers: &HeaderMap) -> bool {
    OriginPolicy::default().admits(headers)
}

/// Handshake as user code sees it.
#[must_use]
pub fn handshake(request: &Parts) -> Handshake {
    Handshake::new(request.uri.path().to_owned(), request.uri.query().unwrap_or_default(), &request.headers, None)
}

/// An event of the plain format; all but its name as JSON.
#[derive(Debug, Eq, PartialEq)]
pub struct FuzzEvent {
    /// The name.
    pub event: String,
    /// The payload.
    pub data: Option<String>,
    /// The request's id.
    pub id: Option<String>,
}

/// The event in a text of the plain format, and the frame that answers it with its own data. `None` where the text is not
/// an event.
#[must_use]
pub fn read_event(text: &str) -> Option<(FuzzEvent, Vec<u8>)> {
    let mut read = None;
    let deliver = |_: Option<&str>, incoming: Incoming<'_>| read = said(incoming);
    Codec::Plain.decode(ClientMessage::Text(text), deliver).ok()?;
    read
}

fn said(incoming: Incoming<'_>) -> Option<(FuzzEvent, Vec<u8>)> {
    let Incoming::Event(Envelope { event, payload, id }) = incoming else { return None };
    let data = payload.json.as_deref();
    let content = data.unwrap_or("null").into();
    let reply = Outgoing::Reply { event: &event, content, id: id.as_ref(), named: ReplyEvent::Own };
    let frame = WireFormat::Plain.encode(EncodeContext::new("/"), &reply).as_slice().to_vec();
    let read =
        FuzzEvent { event: event.to_string(), data: data.map(str::to_owned), id: id.as_ref().map(ToString::to_string) };
    Some((read, frame))
}

/// The event in a message of MessagePack, its binary data as base64, and the message that says it again. `None` where the
/// message is not an event.
#[must_use]
pub fn read_packed_event(message: &[u8], depth: usize) -> Option<(FuzzEvent, Vec<u8>)> {
    let mut read = None;
    let extent = MsgpackLimits { depth, attachments: 10 };
    let deliver = |_: Option<&str>, incoming: Incoming<'_>| {
        let Incoming::Event(Envelope { event, payload, id }) = incoming else { return };
        let content = ContentRef { json: payload.text(), shape: payload.shape, attachments: payload.attachments() };
        let reply = Outgoing::Reply { event: &event, content, id: id.as_ref(), named: ReplyEvent::Own };
        let frame = WireFormat::PlainMsgpack.encode(EncodeContext::new("/"), &reply).as_slice().to_vec();
        let plain = WireFormat::Plain.encode(EncodeContext::new("/"), &reply);
        let data = String::from_utf8_lossy(plain.as_slice()).into_owned();
        read = Some((FuzzEvent { event: event.to_string(), data: Some(data), id: id.map(|id| id.to_string()) }, frame));
    };
    Codec::PlainMsgpack(extent).decode(ClientMessage::Binary(message), deliver).ok()?;
    read
}

/// Returns `true` if arrays and objects in `json` are nested deeper than `most`.
#[must_use]
pub fn is_too_deep(json: &str, most: usize) -> bool {
    exceeds_depth(json, most)
}
