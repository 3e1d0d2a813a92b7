//! Packets as MessagePack: one binary message, the map `{type, nsp, data, id?}`, as `socket.io-msgpack-parser` has it.

use std::borrow::Cow;

use bytes::Bytes;

use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader, MsgpackWriter};
use crate::protocol::payload::Placeholders;
use crate::protocol::socket_io::arguments;
use crate::protocol::socket_io::packet_limits::{DeliverPacket, PacketLimits, auth, request_id};
use crate::protocol::socket_io::packets::SocketIoPacket;
use crate::protocol::socket_io::text::push_connected;
use crate::protocol::{Arity, Attachments, ContentRef, Encoded, Envelope, Incoming, OpCode, RequestId, Violation};

/// Members of a packet's map.
#[derive(Default)]
struct PacketMembers<'a> {
    packet: Option<u64>,
    namespace: Option<&'a str>,
    /// JSON; `null` where nothing was said.
    data: Option<(String, Vec<Bytes>)>,
    id: Option<u64>,
}

/// Reads one packet.
pub(super) fn decode(bytes: &[u8], limits: PacketLimits, deliver: &mut DeliverPacket<'_>) -> Result<(), Violation> {
    let PacketMembers { packet, namespace, data, id } = PacketMembers::read(bytes, limits)?;
    let namespace = namespace.ok_or(Violation::new("a packet without namespace"))?;
    let (json, attachments) = data.unwrap_or_default();
    // Python's client says nil where the reference says nothing.
    let json = if json == "null" { "" } else { &json };
    let incoming = match packet {
        Some(0) => {
            let credentials = with_base64(json, attachments)?;
            deliver(Some(namespace), Incoming::Connect { auth: auth(&credentials)? });
            return Ok(());
        }
        Some(1) if json.is_empty() => Incoming::Disconnect,
        Some(1) => return Err(Violation::new("a disconnect packet with a payload")),
        Some(2) => {
            let (event, mut payload) = arguments::event(json)?;
            payload.attachments = shared(json, attachments)?;
            Incoming::Event(Envelope { event, payload, id: id.map(request_id) })
        }
        Some(3) => {
            let mut payload = arguments::answer(json)?;
            payload.attachments = shared(json, attachments)?;
            id.map_or(Incoming::Nothing, |ask| Incoming::Answer { ask, outcome: Ok(payload) })
        }
        Some(4) => return Err(Violation::new("a client refuses no namespace")),
        _ => return Err(Violation::new("unknown packet type")),
    };
    deliver(Some(namespace), incoming);
    Ok(())
}

/// Credentials are read without attachments, so that bytes in them become their base64.
fn with_base64(json: &str, attachments: Vec<Bytes>) -> Result<Cow<'_, str>, Violation> {
    let Some(attachments) = shared(json, attachments)? else { return Ok(Cow::Borrowed(json)) };
    let mut plain = Vec::new();
    ContentRef { json, shape: Arity::One, attachments: &attachments }.write_plain(&mut plain);
    Ok(Cow::Owned(String::from_utf8(plain).expect("JSON with base64 in it")))
}

/// A map with a member that is a placeholder would be one beside others.
fn shared(json: &str, attachments: Vec<Bytes>) -> Result<Attachments, Violation> {
    if attachments.is_empty() {
        return Ok(None);
    }
    let placeholders = Placeholders::find(json, attachments.len());
    if placeholders.is_none_or(|placeholders| placeholders.len() != attachments.len()) {
        return Err(Violation::new("illegal attachments"));
    }
    Ok(Some(attachments.into()))
}

impl<'a> PacketMembers<'a> {
    fn read(bytes: &'a [u8], limits: PacketLimits) -> Result<Self, Violation> {
        // The array of the arguments is no part of what is nested.
        let extent = MsgpackLimits { depth: limits.depth.saturating_add(1), attachments: limits.attachments };
        let mut reader = MsgpackReader::new(bytes, extent);
        let mut members = Self::default();
        for _ in 0..reader.map()? {
            match reader.text()? {
                "type" => members.packet = reader.natural()?,
                "nsp" => members.namespace = Some(reader.text()?),
                "data" => members.data = Some(reader.json()?),
                "id" => members.id = reader.natural()?,
                _ => drop(reader.json()?),
            }
        }
        if reader.is_empty() { Ok(members) } else { Err(Violation::new("bytes behind a packet")) }
    }
}

/// The frame of a packet.
pub(super) fn encode(namespace: &str, packet: &SocketIoPacket<'_>) -> Encoded {
    let (content, around) = match packet {
        SocketIoPacket::Event { event, content, offset, .. } => {
            (content.json.len(), event.len() + offset.map_or(0, str::len))
        }
        SocketIoPacket::Ack { content, .. } => (content.json.len(), 0),
        SocketIoPacket::Connect { id, recovery } => (id.len(), recovery.map_or(0, str::len)),
        SocketIoPacket::Refuse { data } => (data.len(), 0),
        SocketIoPacket::Disconnect => (0, 0),
    };
    let parts = match packet {
        SocketIoPacket::Event { content, .. } | SocketIoPacket::Ack { content, .. } => content.attachment_bytes(),
        SocketIoPacket::Connect { .. } | SocketIoPacket::Disconnect | SocketIoPacket::Refuse { .. } => 0,
    };
    let expected = namespace.len() + content + around + parts + 64;
    Encoded::written(OpCode::Binary, expected, |out| write(&mut MsgpackWriter::new(out), namespace, packet))
}

fn write(out: &mut MsgpackWriter<'_>, namespace: &str, packet: &SocketIoPacket<'_>) {
    match *packet {
        SocketIoPacket::Connect { id, recovery } => {
            begin(out, 3, 0, namespace);
            let mut json = Vec::new();
            push_connected(&mut json, id, recovery);
            out.text("data");
            out.json(std::str::from_utf8(&json).expect("JSON of texts"), &[]);
        }
        SocketIoPacket::Disconnect => begin(out, 2, 1, namespace),
        SocketIoPacket::Event { event, content, offset, ask } => {
            begin(out, 3 + usize::from(ask.is_some()), 2, namespace);
            out.text("data");
            write_arguments(out, Some(event), content, offset);
            if let Some(ask) = ask {
                out.text("id");
                out.natural(ask);
            }
        }
        SocketIoPacket::Ack { id, content } => {
            begin(out, 4, 3, namespace);
            out.text("data");
            write_arguments(out, None, content, None);
            out.text("id");
            match *id {
                RequestId::Large(id) => out.natural(id),
                RequestId::Integer(id) => out.integer(id),
                RequestId::Text(ref json) => out.json(json, &[]),
            }
        }
        SocketIoPacket::Refuse { data } => {
            begin(out, 3, 4, namespace);
            out.text("data");
            out.json(data, &[]);
        }
    }
}

fn begin(out: &mut MsgpackWriter<'_>, members: usize, packet: u64, namespace: &str) {
    out.map(members);
    out.text("type");
    out.natural(packet);
    out.text("nsp");
    out.text(namespace);
}

/// Writes the array of an event's name, its arguments, and its offset.
pub(in crate::protocol) fn write_arguments(
    out: &mut MsgpackWriter<'_>,
    event: Option<&str>,
    content: ContentRef<'_>,
    offset: Option<&str>,
) {
    let around = usize::from(event.is_some()) + usize::from(offset.is_some());
    let begin = |out: &mut MsgpackWriter<'_>, arguments: usize| {
        out.array(arguments + around);
        if let Some(event) = event {
            out.text(event);
        }
    };
    match content.shape {
        Arity::One => {
            begin(out, 1);
            out.json(content.json, content.attachments);
        }
        Arity::Several => out.elements(content.json, content.attachments, begin),
    }
    if let Some(offset) = offset {
        out.text(offset);
    }
}

#[cfg(test)]
mod tests;
