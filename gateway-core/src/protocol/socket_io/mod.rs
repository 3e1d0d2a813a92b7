//! Socket.IO protocol 5: decoding and encoding of packets. Usually a packet is a text message followed by a binary message
//! per binary part; alternatively it is one MessagePack message. Access to namespaces is decided on a higher layer.

mod arguments;
mod decoder;
mod head;
mod packet_limits;
mod packet_msgpack;
mod packets;
mod text;

pub(in crate::protocol) use arguments::{answer as answer_arguments, any_event, none as no_arguments};
pub(crate) use decoder::PacketDecoder;
pub(crate) use packet_limits::PacketLimits;
pub(in crate::protocol) use packet_msgpack::write_arguments;
pub(crate) use packets::is_event;

use crate::protocol::{Encoded, Outgoing};
use packets::{encode_by, numbered_by};

/// Encodes text packets and their binary parts.
pub(crate) fn encode(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(outgoing, |packet| text::encode(namespace, packet))
}

/// Encodes packets in MessagePack.
pub(crate) fn encode_packed(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(outgoing, |packet| packet_msgpack::encode(namespace, packet))
}

/// Encodes an event with this offset, and the accompanying frames.
pub(crate) fn encode_numbered(namespace: &str, outgoing: &Outgoing<'_>, offset: &str) -> [Encoded; 2] {
    numbered_by(outgoing, offset, |packet| text::encode(namespace, packet))
}

/// Encodes an event with its offset, in MessagePack.
pub(crate) fn encode_packed_numbered(namespace: &str, outgoing: &Outgoing<'_>, offset: &str) -> [Encoded; 2] {
    numbered_by(outgoing, offset, |packet| packet_msgpack::encode(namespace, packet))
}

#[cfg(test)]
mod tests;
