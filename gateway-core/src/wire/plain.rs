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
    /// Wide enough for both `i64` and `u64`.
    Integer(i128),
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

/// Appends the JSON text.
pub(crate) fn encode(outgoing: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (event, data, id) = match *outgoing {
        Outgoing::Event { event, data } | Outgoing::Ask { event, data, .. } => (event, Some(data), None),
        Outgoing::Reply { event, data, id } | Outgoing::Item { event, data, id } => (event, Some(data), Some(id)),
        Outgoing::End { event, id } => (event, None, Some(id)),
        Outgoing::Exception { data, id } => ("exception", Some(data), id),
    };
    out.reserve(event.len() + data.map_or(0, str::len) + 56);
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
        let integer = text.parse::<i128>().ok();
        let within = |value: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(value);
        integer
            .filter(within)
            .map(Self::Integer)
            .ok_or_else(|| Malformed::new("an id is neither a string nor an integer of 64 bits"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(value) => value.fmt(formatter),
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
