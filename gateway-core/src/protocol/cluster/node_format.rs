//! The format of messages between nodes that Node's sharded Redis, Redis streams and PostgreSQL adapters share: a map of
//! `type`, `data`, `uid` and `nsp`, as JSON, or as MessagePack if the message has binary parts. Channels, streams and
//! tables belong to the engines.
//!
//! [`encode`] and its relatives write the bytes; a [`NodeDecoder`] reads them, also of older adapters and of emitters.
//! Two members that Node's adapters ignore are this framework's own: the question for rooms is a question for sockets
//! with `"allRooms":true`, answered with `"rooms":[…]` beside no sockets, and an answer of several arguments has all of
//! them in `"args":[…]` beside the first in `packet`.

mod body;
mod decode;
mod encode;
mod kind;
mod shape;

use std::sync::Arc;

use crate::protocol::cluster::{ClusterMessage, NodeId};

pub use decode::{NodeDecoder, NodeFields};
pub(in crate::protocol::cluster) use shape::SelectorMembers;

pub use encode::{encode, encode_data, encode_heartbeat, encode_msgpack, has_binary, message_type};

/// A message of this format, and its sender.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeEnvelope {
    /// The node that sent the message; `None` for emitters and where the message does not say.
    pub from: Option<NodeId>,
    /// The message.
    pub message: NodeMessage,
}

/// A message of this format.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly all messages are the large variant")]
pub enum NodeMessage {
    /// A sign of life of a node, for one namespace.
    Heartbeat {
        /// The namespace that the node serves.
        namespace: Arc<str>,
        /// The kind of heartbeat.
        heartbeat: NodeHeartbeat,
    },
    /// A message about sockets.
    Message(ClusterMessage),
}

/// The kinds of signs of life. PostgreSQL and older streams adapters send them; the others do not.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum NodeHeartbeat {
    /// The namespace was just opened; every other node answers with [`Regular`](NodeHeartbeat::Regular).
    Initial,
    /// The namespace is still served.
    Regular,
    /// The namespace is served no more.
    Closing,
}

/// Bounds of a message that is read. Inclusive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NodeFormatLimits {
    /// Number of arrays and objects within each other, those of the format itself included: 160, which leaves more than
    /// 128 to the arguments of an event.
    pub depth: usize,
    /// Number of binary parts: 10 000.
    pub attachments: usize,
}

impl Default for NodeFormatLimits {
    fn default() -> Self {
        Self { depth: 160, attachments: 10_000 }
    }
}

/// A message that is none of this format, or not for this node. It is ignored and counted.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeFormatError {
    /// The type is unknown: the sender may be of a later version.
    #[error("unknown message type {0}")]
    UnknownType(u64),
    /// The message names another namespace than its channel.
    #[error("a message of another namespace than its channel's")]
    OtherNamespace,
    /// The bytes are no message.
    #[error("a malformed message: {0}")]
    Malformed(&'static str),
}

#[cfg(test)]
mod tests;
