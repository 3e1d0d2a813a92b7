//! The plain WebSocket format of `docs/protocol.md`: one JSON object a frame. Decoding borrows from the frame.

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

/// What a client sent, read as far as routing needs.
#[derive(Debug)]
pub(crate) enum Incoming<'a> {
    Event(Envelope<'a>),
    /// The answer to a question of the server; `Err` when the client could not answer.
    Answer {
        ask: u64,
        outcome: Result<Option<&'a RawValue>, &'a RawValue>,
    },
    Cancel(RequestId),
}

/// One event, its payload still JSON.
#[derive(Debug)]
pub(crate) struct Envelope<'a> {
    pub(crate) event: Cow<'a, str>,
    pub(crate) data: Option<&'a RawValue>,
    pub(crate) id: Option<RequestId>,
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

/// Longest text of an id; longer ones would be an amplifier for every frame of a stream.
const LONGEST_ID: usize = 128;

/// Why a frame is no envelope.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) why: Cow<'static, str>,
    /// Present where the frame was an object with a readable id, so that the request still gets its answer.
    pub(crate) id: Option<RequestId>,
}

/// Everything the server says in this format. `data` is JSON.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outgoing<'a> {
    Event { event: &'a str, data: &'a str },
    Reply { event: &'a str, data: &'a str, id: &'a RequestId },
    Item { event: &'a str, data: &'a str, id: &'a RequestId },
    End { event: &'a str, id: &'a RequestId },
    Exception { data: &'a str, id: Option<&'a RequestId> },
    Ask { event: &'a str, data: &'a str, ask: u64 },
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    event: Option<EventMember<'a>>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    answer: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    cancel: Option<&'a RawValue>,
}

// Serde borrows a `Cow` only where it is the field's own type.
#[derive(Deserialize)]
struct EventMember<'a>(#[serde(borrow)] Cow<'a, str>);

pub(crate) fn decode(text: &str) -> Result<Incoming<'_>, Malformed> {
    match decode_usual(text) {
        Some(envelope) => Ok(Incoming::Event(envelope)),
        None => decode_any(text),
    }
}

fn decode_any(text: &str) -> Result<Incoming<'_>, Malformed> {
    // Serde would read an array as a struct, member by member.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(Malformed::new("the frame is not a JSON object"));
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|error| Malformed::new(error.to_string()))?;
    let id = members.id.map(RequestId::parse).transpose()?;
    if let Some(EventMember(event)) = members.event {
        return Ok(Incoming::Event(Envelope { event, data: members.data, id }));
    }
    if let Some(answer) = members.answer {
        let ask = answer.get().parse().map_err(|_| Malformed::new("`answer` is not the number of a question"))?;
        let outcome = members.error.map_or(Ok(members.data), Err);
        return Ok(Incoming::Answer { ask, outcome });
    }
    if let Some(cancel) = members.cancel {
        return RequestId::parse(cancel).map(Incoming::Cancel);
    }
    Err(Malformed { why: "`event` is missing".into(), id })
}

impl Outgoing<'_> {
    /// Bytes of its JSON, with room to spare for everything but long ids and escapes.
    pub(crate) fn expected_len(&self) -> usize {
        match self {
            Self::Event { event, data }
            | Self::Ask { event, data, .. }
            | Self::Reply { event, data, .. }
            | Self::Item { event, data, .. } => event.len() + data.len() + 56,
            Self::End { event, .. } => event.len() + 56,
            Self::Exception { data, .. } => data.len() + 64,
        }
    }
}

/// The frame as `JSON.stringify` writes it: `event`, `data`, perhaps `id`, nothing between them and nothing else. What
/// looks otherwise is left to the general way, which reads the same frames and all others.
fn decode_usual(text: &str) -> Option<Envelope<'_>> {
    let rest = text.strip_prefix("{\"event\":\"")?;
    let end = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    let (event, rest) = rest.split_at(end);
    let rest = rest.strip_prefix("\",\"data\":")?;
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
    let data = values.next()?.ok()?;
    let rest = &rest[values.byte_offset()..];
    let id = match rest.strip_prefix(",\"id\":") {
        None if rest == "}" => None,
        None => return None,
        Some(id) => {
            let id = id.strip_suffix('}')?;
            // A string's quotes may hide anything; digits hide nothing. JSON has no leading zeros.
            let is_plain = id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0'));
            Some(RequestId::Integer(id.parse().ok().filter(|_| is_plain)?))
        }
    };
    Some(Envelope { event: Cow::Borrowed(event), data: (data.get() != "null").then_some(data), id })
}

/// Appends the JSON text.
pub(crate) fn encode(outgoing: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (event, data, id) = match *outgoing {
        Outgoing::Event { event, data } | Outgoing::Ask { event, data, .. } => (event, Some(data), None),
        Outgoing::Reply { event, data, id } | Outgoing::Item { event, data, id } => (event, Some(data), Some(id)),
        Outgoing::End { event, id } => (event, None, Some(id)),
        Outgoing::Exception { data, id } => ("exception", Some(data), id),
    };
    out.extend_from_slice(b"{\"event\":");
    push_json_string(out, event);
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data.as_bytes());
    }
    let written = match id {
        Some(id) => write!(out, ",\"id\":{id}"),
        None => Ok(()),
    }
    .and_then(|()| match *outgoing {
        Outgoing::Item { .. } => out.write_all(b",\"more\":true"),
        Outgoing::End { .. } => out.write_all(b",\"end\":true"),
        Outgoing::Ask { ask, .. } => write!(out, ",\"ask\":{ask}"),
        Outgoing::Event { .. } | Outgoing::Reply { .. } | Outgoing::Exception { .. } => Ok(()),
    });
    written.expect("writing to memory cannot fail");
    out.push(b'}');
}

fn push_json_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is always JSON");
    }
}

impl RequestId {
    fn parse(raw: &RawValue) -> Result<Self, Malformed> {
        let text = raw.get();
        if text.starts_with('"') {
            if text.len() > LONGEST_ID + 2 {
                return Err(Malformed::new("an id has more than 128 bytes"));
            }
            return Ok(Self::Text(text.into()));
        }
        let integer = text.parse().map(Self::Integer).or_else(|_| text.parse().map(Self::Large));
        integer.map_err(|_| Malformed::new("an id is neither a string nor an integer of 64 bits"))
    }
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

impl Malformed {
    fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self { why: why.into(), id: None }
    }
}

#[cfg(test)]
mod tests;
