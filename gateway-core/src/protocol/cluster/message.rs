//! The messages between nodes, independent of how an engine writes them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::RawArgs;
use crate::protocol::cluster::tolerant::{or_default, rooms};

/// The id of a node in its cluster, unique among the nodes. Its form is the engine's: six characters in the classic Redis
/// adapter, sixteen hexadecimal digits in the other adapters of Node.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// Creates an id of this text.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for NodeId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A message from one node to others, about one namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterMessage {
    /// The concrete name of the namespace, such as `/room/7`.
    pub namespace: Arc<str>,
    /// The content.
    pub body: MessageBody,
}

/// The content of a message between nodes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MessageBody {
    /// An event for the selected sockets of every node.
    Broadcast {
        /// The event.
        packet: EventPacket,
        /// The recipients.
        to: Selector,
    },
    /// The selected sockets join rooms.
    Join {
        /// The sockets.
        to: Selector,
        /// The rooms.
        rooms: Vec<String>,
    },
    /// The selected sockets leave rooms.
    Leave {
        /// The sockets.
        to: Selector,
        /// The rooms.
        rooms: Vec<String>,
    },
    /// The selected sockets are disconnected.
    Disconnect {
        /// The sockets.
        to: Selector,
        /// Closes the connection too, with its sockets in other namespaces.
        close: bool,
    },
    /// An event for the server-side handlers of every other node; no answer is awaited.
    ServerEvent(EventPacket),
    /// A question to every other node.
    Ask {
        /// The id of the question, chosen by the node that asks.
        request: String,
        /// The question.
        question: Question,
    },
    /// An answer to the node that asked.
    Answer {
        /// The id of the question.
        request: String,
        /// The node that asked.
        asker: NodeId,
        /// The answer.
        answer: Answer,
    },
}

impl MessageBody {
    /// Size in bytes of the texts and binary parts.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Broadcast { packet, to } => packet.bytes() + to.bytes(),
            Self::Join { to, rooms } | Self::Leave { to, rooms } => to.bytes() + texts(rooms),
            Self::Disconnect { to, close: _ } => to.bytes(),
            Self::ServerEvent(packet) => packet.bytes(),
            Self::Ask { request, question } => request.len() + question.bytes(),
            Self::Answer { request, asker, answer } => request.len() + asker.as_str().len() + answer.bytes(),
        }
    }
}

fn texts(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// A question to every other node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Question {
    /// The selected sockets; answered by [`Answer::Sockets`].
    Sockets(Selector),
    /// The names of all rooms; answered by [`Answer::Rooms`].
    Rooms,
    /// An event that the selected sockets answer: [`Answer::ClientCount`] at once, also for none, and an
    /// [`Answer::ClientAck`] for each client that answers.
    BroadcastWithAck {
        /// The event.
        packet: EventPacket,
        /// The recipients.
        to: Selector,
    },
    /// An event for the server-side handlers; answered by [`Answer::ServerEvent`].
    ServerEvent(EventPacket),
}

impl Question {
    /// Name for the log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sockets(_) => "sockets",
            Self::Rooms => "rooms",
            Self::BroadcastWithAck { .. } => "broadcast with acknowledgements",
            Self::ServerEvent(_) => "server-side event",
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Sockets(to) => to.bytes(),
            Self::Rooms => 0,
            Self::BroadcastWithAck { packet, to } => packet.bytes() + to.bytes(),
            Self::ServerEvent(packet) => packet.bytes(),
        }
    }
}

/// An answer of one node.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// The node's selected sockets.
    Sockets(Vec<RemoteSocket>),
    /// The node's rooms.
    Rooms(Vec<String>),
    /// Number of clients that were asked.
    ClientCount(usize),
    /// The answer of one client.
    ClientAck(RawArgs),
    /// The value that the server-side handler answered.
    ServerEvent(RawArgs),
}

impl Answer {
    fn bytes(&self) -> usize {
        match self {
            // The descriptions are not measured one by one: most of each is its handshake.
            Self::Sockets(sockets) => sockets.len() * 512,
            Self::Rooms(rooms) => texts(rooms),
            Self::ClientCount(_) => 0,
            Self::ClientAck(args) | Self::ServerEvent(args) => args.bytes(),
        }
    }
}

/// An event and its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct EventPacket {
    /// The event's name.
    pub event: String,
    /// The arguments.
    pub args: RawArgs,
}

impl EventPacket {
    fn bytes(&self) -> usize {
        self.event.len() + self.args.bytes()
    }
}

/// A selection of sockets in a namespace of all nodes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Selector {
    /// The rooms whose sockets are selected; none selects all sockets. A socket's id is the name of its own room.
    pub rooms: Vec<String>,
    /// The rooms whose sockets are excluded.
    pub except: Vec<String>,
    /// Options of the event.
    pub flags: BroadcastFlags,
}

impl Selector {
    fn bytes(&self) -> usize {
        texts(&self.rooms) + texts(&self.except)
    }
}

/// Options of an event for the sockets that a [`Selector`] selects.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct BroadcastFlags {
    /// Sent only to sockets that have nothing queued; never kept for recovery.
    pub volatile: bool,
    /// Sent without compression.
    pub uncompressed: bool,
    /// Time for the answers of clients.
    pub timeout: Option<Duration>,
    /// The answer of a single client is expected.
    pub single_response: bool,
    /// The key of an event that replaces a queued older one. Known to nodes of this framework only.
    pub latest: Option<String>,
    /// The `traceparent` of the sender's span (W3C Trace Context). Known to nodes of this framework only.
    pub trace_parent: Option<String>,
}

/// A socket of any node, as data.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RemoteSocket {
    /// The socket's id.
    pub id: String,
    /// The request that opened its connection.
    #[serde(default, deserialize_with = "or_default")]
    pub handshake: HandshakeSummary,
    /// Its rooms, with its own id and the room of its user among them.
    #[serde(default, deserialize_with = "rooms")]
    pub rooms: Vec<String>,
    /// The data that the socket's handlers made public; `null` or an empty object if none.
    #[serde(default)]
    pub data: Value,
}

/// Prefix of the room that holds the sockets of one user. No client can name such a room.
pub(crate) const USER_ROOM: &str = "\0user/";

impl RemoteSocket {
    /// Creates the description of a socket without handshake, rooms and data.
    pub fn new(id: impl Into<String>) -> Self {
        let (handshake, rooms, data) = Default::default();
        Self { id: id.into(), handshake, rooms, data }
    }

    /// The user that the socket belongs to, if it is on a node of this framework and a guard set one with
    /// [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.rooms.iter().find_map(|room| room.strip_prefix(USER_ROOM))
    }

    /// Returns `true` if the socket is in `room`. Every socket is in its own room.
    #[must_use]
    pub fn is_in(&self, room: &str) -> bool {
        self.id == room || self.rooms.iter().any(|joined| joined == room)
    }
}

/// The request that opened a connection, in the form in which the nodes of Socket.IO exchange it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
#[non_exhaustive]
pub struct HandshakeSummary {
    /// The headers by lower-case name.
    pub headers: Value,
    /// The time of the request as JavaScript writes it.
    #[serde(deserialize_with = "or_default")]
    pub time: String,
    /// The client's address.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// The request named an origin, as those of pages do.
    #[serde(deserialize_with = "or_default")]
    pub xdomain: bool,
    /// The connection to the server was encrypted. `false` behind a proxy that encrypts.
    #[serde(deserialize_with = "or_default")]
    pub secure: bool,
    /// The time of the request in milliseconds since 1970.
    #[serde(deserialize_with = "or_default")]
    pub issued: u64,
    /// The path with its query, without credentials.
    #[serde(deserialize_with = "or_default")]
    pub url: String,
    /// The parameters of the query.
    pub query: Value,
    /// The credentials of the namespace. `null` for sockets of this framework, whose credentials stay on their node.
    pub auth: Value,
}
