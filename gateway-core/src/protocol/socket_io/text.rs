//! Packets as text, and their binary parts as messages of their own.

use std::io::Write as _;

use bytes::Bytes;

use crate::protocol::json::{push_integer, push_string};
use crate::protocol::socket_io::packets::SocketIoPacket;
use crate::protocol::{Arity, ContentRef, Encoded, RequestId};

const NO_PARTS: &[Bytes] = &[];

/// The frames of a packet; its text has the engine's packet type in front.
pub(super) fn encode(namespace: &str, packet: &SocketIoPacket<'_>) -> Encoded {
    let parts = match packet {
        SocketIoPacket::Event { content, .. } | SocketIoPacket::Ack { content, .. } => content.attachments,
        SocketIoPacket::Connect { .. } | SocketIoPacket::Disconnect | SocketIoPacket::Refuse { .. } => NO_PARTS,
    };
    Encoded::text_and_parts(expected_len(namespace, packet), |out| write(out, namespace, packet), parts)
}

/// Bytes of its text, with room to spare for everything but escapes.
fn expected_len(namespace: &str, packet: &SocketIoPacket<'_>) -> usize {
    let inside = match packet {
        SocketIoPacket::Event { event, content, offset, .. } => {
            event.len() + content.json.len() + offset.map_or(0, |offset| offset.len() + 3)
        }
        SocketIoPacket::Ack { content, .. } => content.json.len(),
        SocketIoPacket::Refuse { data } => data.len(),
        SocketIoPacket::Connect { id, recovery } => id.len() + recovery.map_or(0, |recovery| recovery.len() + 9),
        SocketIoPacket::Disconnect => 0,
    };
    namespace.len() + inside + 40
}

fn write(out: &mut Vec<u8>, namespace: &str, packet: &SocketIoPacket<'_>) {
    match *packet {
        SocketIoPacket::Connect { id, recovery } => {
            out.extend_from_slice(b"40");
            push_namespace(out, namespace);
            push_connected(out, id, recovery);
        }
        SocketIoPacket::Disconnect => {
            out.extend_from_slice(b"41");
            push_namespace(out, namespace);
        }
        SocketIoPacket::Event { event, content, offset, ask } => {
            push_type(out, [b"42", b"45"], content.attachments);
            push_namespace(out, namespace);
            if let Some(ask) = ask {
                push_integer(out, ask);
            }
            out.push(b'[');
            push_string(out, event);
            push_arguments(out, content);
            if let Some(offset) = offset {
                out.push(b',');
                push_string(out, offset);
            }
            out.push(b']');
        }
        SocketIoPacket::Ack { id, content } => {
            push_type(out, [b"43", b"46"], content.attachments);
            push_namespace(out, namespace);
            push_id(out, id);
            out.push(b'[');
            push_arguments(out, content);
            out.push(b']');
        }
        SocketIoPacket::Refuse { data } => {
            out.extend_from_slice(b"44");
            push_namespace(out, namespace);
            out.extend_from_slice(data.as_bytes());
        }
    }
}

/// The type without or with binary parts, and their number.
#[inline]
fn push_type(out: &mut Vec<u8>, [text, binary]: [&[u8]; 2], parts: &[Bytes]) {
    if parts.is_empty() {
        return out.extend_from_slice(text);
    }
    out.extend_from_slice(binary);
    push_integer(out, parts.len() as u64);
    out.push(b'-');
}

fn push_namespace(out: &mut Vec<u8>, namespace: &str) {
    if namespace != "/" {
        out.extend_from_slice(namespace.as_bytes());
        out.push(b',');
    }
}

fn push_id(out: &mut Vec<u8>, id: &RequestId) {
    let natural = match id {
        RequestId::Integer(id) => u64::try_from(*id).ok(),
        RequestId::Large(id) => Some(*id),
        RequestId::Text(_) => None,
    };
    match natural {
        Some(id) => push_integer(out, id),
        None => write!(out, "{id}").expect("writing to memory cannot fail"),
    }
}

/// The arguments with commas between them, and one in front where something stands before them.
fn push_arguments(out: &mut Vec<u8>, content: ContentRef<'_>) {
    let arguments = match content.shape {
        Arity::One => content.json,
        Arity::Several => inside(content.json),
    };
    if arguments.is_empty() {
        return;
    }
    if out.last() != Some(&b'[') {
        out.push(b',');
    }
    out.extend_from_slice(arguments.as_bytes());
}

/// Text between the brackets of an array.
fn inside(array: &str) -> &str {
    let array = array.trim();
    array.strip_prefix('[').and_then(|array| array.strip_suffix(']')).map_or(array, str::trim)
}

pub(super) fn push_connected(out: &mut Vec<u8>, id: &str, recovery: Option<&str>) {
    out.extend_from_slice(b"{\"sid\":");
    push_string(out, id);
    if let Some(recovery) = recovery {
        out.extend_from_slice(b",\"pid\":");
        push_string(out, recovery);
    }
    out.push(b'}');
}
