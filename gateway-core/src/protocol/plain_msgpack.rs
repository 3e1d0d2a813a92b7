//! The plain protocol as MessagePack: one binary message, a map with the members that the JSON object has. Binary data is
//! binary.

use std::borrow::Cow;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::protocol::json::first_value;
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader, MsgpackWriter};
use crate::protocol::payload::Placeholders;
use crate::protocol::{
    Attachments, ContentRef, Encoded, Envelope, Incoming, Malformed, OpCode, Outgoing, Payload, RequestId, Violation,
    plain,
};

#[derive(Default)]
struct MsgpackMembers<'a> {
    event: Option<&'a str>,
    data: Option<(String, Vec<Bytes>)>,
    id: Option<Box<RawValue>>,
    answer: Option<u64>,
    error: Option<Box<RawValue>>,
    cancel: Option<Box<RawValue>>,
    auth: Option<Box<RawValue>>,
    traceparent: Option<Box<RawValue>>,
}

/// Reads a message and hands on what it says.
pub(in crate::protocol) fn decode_packed(
    bytes: &[u8],
    extent: MsgpackLimits,
    deliver: impl FnOnce(Incoming<'_>),
) -> Result<(), Malformed> {
    let MsgpackMembers { event, data, id, answer, error, cancel, auth, traceparent } =
        MsgpackMembers::read(bytes, extent).map_err(|violation| Malformed::new(violation.why))?;
    let id = id.map(|id| RequestId::parse(&id)).transpose()?;
    let payload = || {
        let (json, parts) = data.map_or((None, Vec::new()), |(json, parts)| (Some(Cow::Owned(json)), parts));
        let attachments: Attachments = (!parts.is_empty()).then(|| parts.into());
        Payload::from_cow(json, attachments)
    };
    if let Some(event) = event {
        let payload = payload().traced(traceparent.as_deref());
        deliver(Incoming::Event(Envelope { event: event.into(), payload, id }));
    } else if let Some(ask) = answer {
        deliver(Incoming::Answer { ask, outcome: error.as_deref().map_or_else(|| Ok(payload()), Err) });
    } else if let Some(cancel) = cancel {
        deliver(Incoming::Cancel(RequestId::parse(&cancel)?));
    } else if let Some(auth) = auth {
        deliver(Incoming::Renew { auth: &auth, id });
    } else {
        return Err(Malformed { why: "`event` is missing".into(), id });
    }
    Ok(())
}

impl<'a> MsgpackMembers<'a> {
    fn read(bytes: &'a [u8], extent: MsgpackLimits) -> Result<Self, Violation> {
        let mut reader = MsgpackReader::new(bytes, extent);
        let mut members = Self::default();
        for _ in 0..reader.map()? {
            match reader.text()? {
                "event" => once(&mut members.event, Some(reader.text()?))?,
                "data" => once(&mut members.data, Some(value(&mut reader)?))?,
                "id" => once(&mut members.id, scalar(&mut reader)?)?,
                "answer" => once(&mut members.answer, reader.natural()?)?,
                "error" => once(&mut members.error, scalar(&mut reader)?)?,
                "cancel" => once(&mut members.cancel, scalar(&mut reader)?)?,
                "auth" => once(&mut members.auth, scalar(&mut reader)?)?,
                // What is malformed here is passed over, so anything may stand here.
                "traceparent" => members.traceparent = RawValue::from_string(reader.json()?.0).ok(),
                _ => drop(reader.json()?),
            }
        }
        if reader.is_empty() { Ok(members) } else { Err(Violation::new("bytes behind the message")) }
    }
}

fn once<T>(member: &mut Option<T>, value: Option<T>) -> Result<(), Violation> {
    let is_second = member.is_some();
    *member = value;
    if is_second { Err(Violation::new("a member is there twice")) } else { Ok(()) }
}

/// A value without binary data; `nil` is none.
fn scalar(reader: &mut MsgpackReader<'_>) -> Result<Option<Box<RawValue>>, Violation> {
    let (json, parts) = value(reader)?;
    if !parts.is_empty() {
        return Err(Violation::new("binary data is for `data` alone"));
    }
    if json == "null" { Ok(None) } else { RawValue::from_string(json).map(Some).map_err(|_| NO_JSON) }
}

const NO_JSON: Violation = Violation { why: "a value that JSON does not have" };

fn value(reader: &mut MsgpackReader<'_>) -> Result<(String, Vec<Bytes>), Violation> {
    let (json, parts) = reader.json()?;
    // A map that looks like a placeholder would be one, beside those of the parts.
    let is_clear =
        parts.is_empty() || Placeholders::find(&json, parts.len()).is_some_and(|found| found.len() == parts.len());
    if !is_clear {
        return Err(Violation::new("a value looks like the place of binary data"));
    }
    match first_value(&json) {
        Some((_, "")) => Ok((json, parts)),
        Some(_) | None => Err(NO_JSON),
    }
}

/// The frame of what the server says, with the offset of an event for a client that can resume.
pub(crate) fn encode_packed(outgoing: &Outgoing<'_>, offset: Option<&str>) -> Encoded {
    if matches!(outgoing, Outgoing::Disconnected) {
        return Encoded::nothing();
    }
    Encoded::written(OpCode::Binary, plain::expected_len(outgoing) + offset.map_or(0, str::len), |out| {
        write_packed(&mut MsgpackWriter::new(out), outgoing, offset);
    })
}

/// Writes what the server says as one map. The offset is a number, as text.
pub(in crate::protocol) fn write_packed(out: &mut MsgpackWriter<'_>, outgoing: &Outgoing<'_>, offset: Option<&str>) {
    let exception = |data| ("exception", Some(ContentRef::from(data)));
    let ((event, content), id, last) = match *outgoing {
        Outgoing::Event { event, content, .. } => ((event, Some(content)), None, LastMember::Nothing),
        Outgoing::Reply { event, content, id, .. } => ((event, Some(content)), id, LastMember::Nothing),
        Outgoing::Item { event, content, id, .. } => {
            ((event, Some(content)), id, if id.is_some() { LastMember::Mark("more") } else { LastMember::Nothing })
        }
        Outgoing::End { event, id } => ((event, None), Some(id), LastMember::Mark("end")),
        Outgoing::Exception { data, id } => (exception(data), id, LastMember::Nothing),
        Outgoing::Refused { data } => (exception(data), None, LastMember::Nothing),
        Outgoing::Ask { event, content, ask } => ((event, Some(content)), None, LastMember::Question(ask)),
        Outgoing::Connected { .. } => return out.json(&plain::session_json(outgoing), &[]),
        Outgoing::Disconnected => return,
    };
    // An event has no other last member: questions and answers to a request have no offset.
    let last = offset.map_or(last, LastMember::Offset);
    let is_more = !matches!(last, LastMember::Nothing);
    out.map(1 + usize::from(content.is_some()) + usize::from(id.is_some()) + usize::from(is_more));
    out.text("event");
    out.text(event);
    if let Some(content) = content {
        out.text("data");
        out.json(content.json, content.attachments);
    }
    if let Some(id) = id {
        out.text("id");
        write_id(out, id);
    }
    match last {
        LastMember::Nothing => {}
        LastMember::Mark(name) => {
            out.text(name);
            out.json("true", &[]);
        }
        LastMember::Question(number) => {
            out.text("ask");
            out.natural(number);
        }
        LastMember::Offset(offset) => {
            out.text("offset");
            out.json(offset, &[]);
        }
    }
}

/// The member at the end.
enum LastMember<'a> {
    Nothing,
    Mark(&'static str),
    Question(u64),
    Offset(&'a str),
}

fn write_id(out: &mut MsgpackWriter<'_>, id: &RequestId) {
    match id {
        RequestId::Large(id) => out.natural(*id),
        RequestId::Integer(id) => out.integer(*id),
        RequestId::Text(json) => out.json(json, &[]),
    }
}

#[cfg(test)]
mod tests;
