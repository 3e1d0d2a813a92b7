//! Messages between the nodes of a cluster: plain data, and the formats in which Node's adapters write them.

mod message;
pub(crate) mod node_format;

pub(crate) use message::USER_ROOM;
pub use message::{
    Answer, BroadcastFlags, ClusterMessage, EventPacket, HandshakeSummary, MessageBody, NodeId, Question, RemoteSocket,
    Selector,
};
