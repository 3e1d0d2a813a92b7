//! Socket.IO protocol 5: the messages of one connection to what its client said, and back. In its usual form a packet is
//! text, and a binary message for each of its binary parts; in the other it is one message of MessagePack. Who may use a
//! namespace is decided further up.

mod arguments;
mod decoder;
mod head;
mod packet_limits;
mod packet_msgpack;
mod packets;
mod text;

pub(crate) use decoder::PacketDecoder;
pub(crate) use packet_limits::PacketLimits;
pub(crate) use packets::is_event;

use crate::protocol::{Encoded, Outgoing};
use packets::{encode_by, numbered_by};

/// The frames of text packets and their binary parts.
pub(crate) fn encode(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(outgoing, |packet| text::encode(namespace, packet))
}

/// The frames of packets in MessagePack.
pub(crate) fn encode_packed(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(outgoing, |packet| packet_msgpack::encode(namespace, packet))
}

/// The frames of an event with this offset, and those of what goes with it.
pub(crate) fn encode_numbered(namespace: &str, outgoing: &Outgoing<'_>, offset: &str) -> [Encoded; 2] {
    numbered_by(outgoing, offset, |packet| text::encode(namespace, packet))
}

/// Encodes an event with its offset, in MessagePack.
pub(crate) fn encode_packed_numbered(namespace: &str, outgoing: &Outgoing<'_>, offset: &str) -> [Encoded; 2] {
    numbered_by(outgoing, offset, |packet| packet_msgpack::encode(namespace, packet))
}

#[cfg(test)]
mod tests;
