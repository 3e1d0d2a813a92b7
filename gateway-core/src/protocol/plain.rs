//! The plain WebSocket format of `docs/protocol.md`: one JSON object a frame. Decoding borrows from the frame.

use std::borrow::Cow;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::json::{first_value, push_string};
use crate::protocol::{Envelope, Incoming, Malformed, Outgoing, Payload, RequestId};

/// Maximum length of an id, which every frame of a stream repeats.
const LONGEST_ID: usize = 128;

#[derive(Deserialize)]
struct PlainMembers<'a> {
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
    #[serde(borrow, default)]
    auth: Option<&'a RawValue>,
    #[serde(borrow, default)]
    traceparent: Option<&'a RawValue>,
}

// Serde borrows a `Cow` only as the field's own type.
#[derive(Deserialize)]
struct EventMember<'a>(#[serde(borrow)] Cow<'a, str>);

#[inline]
pub(in crate::protocol) fn decode(text: &str) -> Result<Incoming<'_>, Malformed> {
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
    let members: PlainMembers<'_> = serde_json::from_str(text).map_err(|error| Malformed::new(error.to_string()))?;
    let id = members.id.map(RequestId::parse).transpose()?;
    if let Some(EventMember(event)) = members.event {
        let payload = Payload::from_data(members.data.map(RawValue::get)).traced(members.traceparent);
        return Ok(Incoming::Event(Envelope { event, payload, id }));
    }
    if let Some(answer) = members.answer {
        let ask = answer.get().parse().map_err(|_| Malformed::new("`answer` is not the number of a question"))?;
        let outcome = members.error.map_or_else(|| Ok(Payload::from_data(members.data.map(RawValue::get))), Err);
        return Ok(Incoming::Answer { ask, outcome });
    }
    if let Some(cancel) = members.cancel {
        return RequestId::parse(cancel).map(Incoming::Cancel);
    }
    if let Some(auth) = members.auth {
        return Ok(Incoming::Renew { auth, id });
    }
    Err(Malformed { why: "`event` is missing".into(), id })
}

/// Estimated length of the JSON, sufficient except for long ids and escapes.
pub(crate) fn expected_len(outgoing: &Outgoing<'_>) -> usize {
    match outgoing {
        Outgoing::Event { event, content, .. }
        | Outgoing::Ask { event, content, .. }
        | Outgoing::Reply { event, content, .. }
        | Outgoing::Item { event, content, .. } => {
            event.len() + content.json.len() + content.attachment_bytes() / 3 * 4 + 56
        }
        Outgoing::End { event, .. } => event.len() + 56,
        Outgoing::Exception { data, .. } | Outgoing::Refused { data } => data.len() + 64,
        Outgoing::Connected { id, recovery, .. } => id.len() + recovery.map_or(0, str::len) + 56,
        Outgoing::Disconnected => 0,
    }
}

/// Fast path for frames as written by `JSON.stringify`: `event`, `data`, perhaps `id`, without spaces. All other frames are
/// left to the general decoder, which gives the same result for these.
fn decode_usual(text: &str) -> Option<Envelope<'_>> {
    let rest = text.strip_prefix("{\"event\":\"")?;
    let end = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < 0x20)?;
    let (event, rest) = rest.split_at(end);
    let rest = rest.strip_prefix("\",\"data\":")?;
    let (data, rest) = first_value(rest)?;
    let id = match rest.strip_prefix(",\"id\":") {
        None if rest == "}" => None,
        None => return None,
        Some(id) => {
            let id = id.strip_suffix('}')?;
            // Only digits are decoded here, not strings. JSON has no leading zeros.
            let is_plain = id.bytes().all(|byte| byte.is_ascii_digit()) && (id == "0" || !id.starts_with('0'));
            Some(RequestId::Integer(id.parse().ok().filter(|_| is_plain)?))
        }
    };
    let payload = Payload::from_data((data != "null").then_some(data));
    Some(Envelope { event: Cow::Borrowed(event), payload, id })
}

/// Returns `true` for messages kept for recovery: all that belong to no request in either direction.
pub(crate) fn is_event(outgoing: &Outgoing<'_>) -> bool {
    matches!(
        outgoing,
        Outgoing::Event { .. }
            | Outgoing::Reply { id: None, .. }
            | Outgoing::Item { id: None, .. }
            | Outgoing::Exception { id: None, .. }
    )
}

/// Encodes a message for a client that can resume. The offset is a number, as text.
pub(crate) fn encode_numbered(outgoing: &Outgoing<'_>, offset: Option<&str>, out: &mut Vec<u8>) {
    encode(outgoing, out);
    if let Some(offset) = offset {
        // After the last member.
        out.pop();
        out.extend_from_slice(b",\"offset\":");
        out.extend_from_slice(offset.as_bytes());
        out.push(b'}');
    }
}

/// Appends the JSON text, or nothing for messages that this format does not send.
pub(crate) fn encode(outgoing: &Outgoing<'_>, out: &mut Vec<u8>) {
    let (event, content, id) = match *outgoing {
        Outgoing::Event { event, content, .. } | Outgoing::Ask { event, content, .. } => (event, Some(content), None),
        Outgoing::Reply { event, content, id, .. } | Outgoing::Item { event, content, id, .. } => {
            (event, Some(content), id)
        }
        Outgoing::End { event, id } => (event, None, Some(id)),
        Outgoing::Exception { data, id } => ("exception", Some(data.into()), id),
        Outgoing::Refused { data } => ("exception", Some(data.into()), None),
        Outgoing::Connected { id, recovery, recovered } => return push_session(out, id, recovery, recovered),
        Outgoing::Disconnected => return,
    };
    out.extend_from_slice(b"{\"event\":");
    push_string(out, event);
    if let Some(content) = content {
        out.extend_from_slice(b",\"data\":");
        content.write_plain(out);
    }
    let written = match id {
        Some(id) => write!(out, ",\"id\":{id}"),
        None => Ok(()),
    }
    .and_then(|()| match *outgoing {
        Outgoing::Item { id: Some(_), .. } => out.write_all(b",\"more\":true"),
        Outgoing::End { .. } => out.write_all(b",\"end\":true"),
        Outgoing::Ask { ask, .. } => write!(out, ",\"ask\":{ask}"),
        Outgoing::Event { .. }
        | Outgoing::Reply { .. }
        | Outgoing::Item { .. }
        | Outgoing::Exception { .. }
        | Outgoing::Connected { .. }
        | Outgoing::Refused { .. }
        | Outgoing::Disconnected => Ok(()),
    });
    written.expect("writing to memory cannot fail");
    out.push(b'}');
}

/// The JSON of the session data, for formats that convert it.
pub(in crate::protocol) fn session_json(connected: &Outgoing<'_>) -> String {
    let mut json = Vec::new();
    encode(connected, &mut json);
    String::from_utf8(json).expect("JSON is written from texts")
}

/// Writes the session data of a client that can resume.
fn push_session(out: &mut Vec<u8>, id: &str, key: Option<&str>, recovered: bool) {
    out.extend_from_slice(b"{\"session\":{\"id\":");
    push_string(out, id);
    if let Some(key) = key {
        out.extend_from_slice(b",\"resume\":");
        push_string(out, key);
    }
    out.extend_from_slice(if recovered { b",\"resumed\":true}}" } else { b",\"resumed\":false}}" });
}

impl RequestId {
    pub(in crate::protocol) fn parse(raw: &RawValue) -> Result<Self, Malformed> {
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

#[cfg(test)]
mod tests;
