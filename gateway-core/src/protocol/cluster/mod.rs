//! Messages between the nodes of a cluster: plain data, and the formats in which Node's adapters write them.

pub(crate) mod classic;
mod classic_read;
mod classic_write;
mod message;
pub(crate) mod node_format;
mod stored_session;
mod tolerant;

pub use classic::{ClassicChannel, ClassicError, ClassicMessage, ClassicSender};
pub(crate) use message::USER_ROOM;
pub use message::{
    Answer, BroadcastFlags, ClusterMessage, EventPacket, HandshakeSummary, MessageBody, NodeId, Question, RemoteSocket,
    Selector,
};
pub use stored_session::StoredSession;
