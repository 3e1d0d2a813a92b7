//! The format of the classic Redis adapter of Socket.IO (`@socket.io/redis-adapter` 8, `createAdapter`) and of its emitter
//! (`@socket.io/redis-emitter` 5): a MessagePack tuple for events, JSON or MessagePack for requests and responses.
//! Channels and their names belong to the engine.

use std::borrow::Cow;

use crate::protocol::cluster::classic_read::{read_broadcast, read_request, read_response};
use crate::protocol::cluster::classic_write::{write_answer, write_broadcast, write_request};
use crate::protocol::cluster::{Answer, ClusterMessage, MessageBody, NodeId};

/// The sender of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClassicSender<'a> {
    /// A node with this id.
    Node(&'a NodeId),
    /// An emitter: a process without a server. No node counts or answers it.
    Emitter,
}

/// The kinds of channels of a namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClassicChannel {
    /// Events for clients.
    Broadcast,
    /// Requests to every node.
    Request,
    /// Answers.
    Response,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClassicMessage {
    /// A broadcast or a request, and the node that sent it. Emitters and old nodes have no id.
    Body {
        /// The sender.
        from: Option<NodeId>,
        /// The content, never an answer.
        body: MessageBody,
    },
    /// An answer. The format does not say who answers, nor whom.
    Answer {
        /// The id of the question.
        request: String,
        /// The answer.
        answer: Answer,
    },
    /// The question of an old node for the ids of all sockets in these rooms; answered by
    /// [`write_socket_ids`](crate::cluster::classic::write_socket_ids).
    SocketIds {
        /// The sender.
        from: Option<NodeId>,
        /// The id of the question.
        request: String,
        /// The rooms; none selects all sockets.
        rooms: Vec<String>,
    },
    /// The confirmation of an old request that this framework does not send.
    Confirmation,
}

/// A message that could not be read, with the reason.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ClassicError(pub(super) Cow<'static, str>);

impl ClassicError {
    pub(super) const fn new(reason: &'static str) -> Self {
        Self(Cow::Borrowed(reason))
    }
}

/// Returns the kind of channel that a message travels on.
#[must_use]
pub fn channel(body: &MessageBody) -> ClassicChannel {
    match body {
        MessageBody::Broadcast { .. } => ClassicChannel::Broadcast,
        MessageBody::Join { .. }
        | MessageBody::Leave { .. }
        | MessageBody::Disconnect { .. }
        | MessageBody::ServerEvent(_)
        | MessageBody::Ask { .. } => ClassicChannel::Request,
        MessageBody::Answer { .. } => ClassicChannel::Response,
    }
}

/// Writes a message as nodes and emitters of Socket.IO write it.
#[must_use]
pub fn write(sender: ClassicSender<'_>, message: &ClusterMessage) -> Vec<u8> {
    match &message.body {
        MessageBody::Broadcast { packet, to } => write_broadcast(sender, &message.namespace, packet, to),
        MessageBody::Answer { request, answer, .. } => write_answer(request, answer),
        request @ (MessageBody::Join { .. }
        | MessageBody::Leave { .. }
        | MessageBody::Disconnect { .. }
        | MessageBody::ServerEvent(_)
        | MessageBody::Ask { .. }) => write_request(sender, &message.namespace, request),
    }
}

/// Writes the answer to [`ClassicMessage::SocketIds`].
#[must_use]
pub fn write_socket_ids<'a>(request: &str, ids: impl IntoIterator<Item = &'a str>) -> Vec<u8> {
    let ids: Vec<&str> = ids.into_iter().collect();
    serde_json::json!({ "requestId": request, "sockets": ids }).to_string().into_bytes()
}

/// Reads a message from a channel of this kind in a namespace. Returns `None` for the own message of `node`.
///
/// # Errors
///
/// [`ClassicError`] for what is unreadable, of an unknown type, or of another namespace. Such a message is to be ignored:
/// adapters of other kinds use channels of similar names.
pub fn read(
    node: &NodeId,
    channel: ClassicChannel,
    namespace: &str,
    bytes: &[u8],
) -> Result<Option<ClassicMessage>, ClassicError> {
    match channel {
        ClassicChannel::Broadcast => read_broadcast(node, namespace, bytes),
        ClassicChannel::Request => read_request(node, namespace, bytes),
        ClassicChannel::Response => read_response(bytes),
    }
}
