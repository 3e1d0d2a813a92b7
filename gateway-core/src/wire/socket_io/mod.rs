//! Socket.IO protocol 5: the messages of one connection to what its client said, and back. In its usual form a packet is
//! text, and a binary message for each of its binary parts; in the other it is one message of MessagePack. Who may use a
//! namespace is decided further up.

mod arguments;
mod decoder;
mod head;
mod packed;
mod packets;
mod text;

pub(crate) use decoder::{Decoder, PacketLimits};

use crate::wire::{Encoded, Outgoing};
use packets::{Packet, packets};

/// The frames of text packets and their binary parts.
pub(crate) fn encode(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(text::encode, namespace, outgoing)
}

/// The frames of packets in MessagePack.
pub(crate) fn encode_packed(namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    encode_by(packed::encode, namespace, outgoing)
}

fn encode_by(encode: fn(&str, &Packet<'_>) -> Encoded, namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
    match packets(outgoing) {
        [Some(first), Some(second)] => encode(namespace, &first).followed_by(&encode(namespace, &second)),
        [Some(one), None] | [None, Some(one)] => encode(namespace, &one),
        [None, None] => Encoded::nothing(),
    }
}

#[cfg(test)]
mod tests;
