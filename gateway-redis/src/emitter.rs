//! Events from processes without a server.

use std::sync::Arc;

use gateway_core::cluster::classic::{self, ClassicSender};
use gateway_core::cluster::{ClusterMessage, EventPacket, MessageBody, Selector};
use gateway_core::extract::ToArgs;
use redis::{Cmd, cmd};
use tokio::sync::Mutex;

use crate::connect::{ConnectError, Connection, Connector, Purpose};
use crate::pub_sub::Channels;
use crate::streams::{StreamKeys, entry_command};

/// A sender for processes without a server, such as a worker: its events reach the clients of all servers of a cluster, as
/// those of `@socket.io/redis-emitter`. Created by [`Redis::emitter`](crate::Redis::emitter),
/// [`PubSub::emitter`](crate::PubSub::emitter) or [`Streams::emitter`](crate::Streams::emitter), for servers with the same
/// engine and options. Cheap to clone.
///
/// The connection is opened by the first event, and again after it was lost.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use gateway_redis::Redis;
///
/// let emitter = Redis::connect("redis://127.0.0.1:6379").await?.emitter();
/// emitter.of("/shop").to("order-7").emit("paid", &42).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Emitter {
    shared: Arc<Shared>,
    transport: EmitterTransport,
    namespace: Arc<str>,
}

/// The way of an emitter's messages.
#[derive(Clone, Debug)]
pub(crate) enum EmitterTransport {
    PubSub(Channels),
    Streams { keys: StreamKeys, max_len: usize },
}

/// The sockets that an [`Emitter`] sends to.
#[derive(Clone, Debug)]
#[must_use = "a target sends nothing by itself"]
pub struct EmitterTarget {
    emitter: Emitter,
    to: Selector,
}

/// Failure to send from an [`Emitter`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmitError {
    /// The arguments cannot be serialised.
    #[error("the arguments cannot be serialised")]
    Arguments(#[source] serde_json::Error),
    /// The name is one of the client library's own events, such as `disconnect`.
    #[error("`{0}` is a reserved event name")]
    Reserved(String),
    /// Redis cannot be reached.
    #[error(transparent)]
    Connect(ConnectError),
    /// The connection was lost before Redis answered, or Redis refused the message.
    #[error("Redis did not confirm the message")]
    Unconfirmed(#[source] redis::RedisError),
}

struct Shared {
    connector: Arc<Connector>,
    connection: Mutex<Option<Connection>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.connector.fmt(formatter)
    }
}

/// Names of events that clients of Socket.IO raise themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

impl Emitter {
    pub(crate) fn new(connector: Arc<Connector>, transport: EmitterTransport) -> Self {
        let shared = Arc::new(Shared { connector, connection: Mutex::default() });
        Self { shared, transport, namespace: "/".into() }
    }

    /// Returns the emitter of another namespace; a missing slash is added.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Self {
        let slash = if namespace.starts_with('/') { "" } else { "/" };
        Self { namespace: [slash, namespace].concat().into(), ..self.clone() }
    }

    /// Selects all sockets of the namespace.
    pub fn all(&self) -> EmitterTarget {
        EmitterTarget { emitter: self.clone(), to: Selector::default() }
    }

    /// Selects the sockets of a room. A socket's id is the name of its own room.
    pub fn to(&self, room: impl Into<String>) -> EmitterTarget {
        self.all().to(room)
    }

    /// Selects the sockets that are not in a room.
    pub fn except(&self, room: impl Into<String>) -> EmitterTarget {
        self.all().except(room)
    }

    /// Sends an event to all sockets of the namespace.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn emit<T: ToArgs + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.all().emit(event, args).await
    }

    /// Sends an event to the server-side handlers of every server.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn server_side_emit<T: ToArgs + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        self.send(MessageBody::ServerEvent(packet(event, args)?)).await
    }

    async fn send(&self, body: MessageBody) -> Result<(), EmitError> {
        let message = ClusterMessage { namespace: Arc::clone(&self.namespace), body };
        let command = self.transport.command(&message);
        // A connection keeps the order of messages that are sent one after the other.
        let mut connection = self.connection().await?;
        let sent: Result<(), _> = connection.query(&command).await;
        if let Err(error) = sent {
            if error.is_unrecoverable_error() || error.is_timeout() {
                *self.shared.connection.lock().await = None;
            }
            return Err(EmitError::Unconfirmed(error));
        }
        Ok(())
    }

    async fn connection(&self) -> Result<Connection, EmitError> {
        let mut connection = self.shared.connection.lock().await;
        if let Some(connection) = &*connection {
            return Ok(connection.clone());
        }
        let nowhere = |_| Ok::<(), std::convert::Infallible>(());
        let opened = self.shared.connector.open(Purpose::Publish, nowhere).await.map_err(EmitError::Connect)?;
        Ok(connection.insert(opened).clone())
    }
}

impl EmitterTransport {
    fn command(&self, message: &ClusterMessage) -> Cmd {
        match self {
            Self::PubSub(channels) => {
                let mut command = cmd("PUBLISH");
                command.arg(channels.of_message(message)).arg(classic::write(ClassicSender::Emitter, message));
                command
            }
            Self::Streams { keys, max_len } => entry_command("emitter", (keys, *max_len), message).0.command,
        }
    }
}

impl EmitterTarget {
    /// Adds the sockets of a room.
    pub fn to(mut self, room: impl Into<String>) -> Self {
        add(&mut self.to.rooms, room.into());
        self
    }

    /// Excludes the sockets of a room.
    pub fn except(mut self, room: impl Into<String>) -> Self {
        add(&mut self.to.except, room.into());
        self
    }

    /// Sends the event only to sockets that have nothing queued.
    pub fn volatile(mut self) -> Self {
        self.to.flags.volatile = true;
        self
    }

    /// Sends the event without compression.
    pub fn uncompressed(mut self) -> Self {
        self.to.flags.uncompressed = true;
        self
    }

    /// Sends an event. Returns when Redis has it; the servers deliver it afterwards.
    ///
    /// # Errors
    ///
    /// [`EmitError`] if the arguments cannot be serialised, the event's name is reserved, or Redis is away. After
    /// [`EmitError::Unconfirmed`] the event may have been delivered.
    pub async fn emit<T: ToArgs + ?Sized>(&self, event: &str, args: &T) -> Result<(), EmitError> {
        let packet = packet(event, args)?;
        self.emitter.send(MessageBody::Broadcast { packet, to: self.to.clone() }).await
    }

    /// Lets the sockets join a room.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn join(&self, room: impl Into<String>) -> Result<(), EmitError> {
        self.emitter.send(MessageBody::Join { to: self.to.clone(), rooms: vec![room.into()] }).await
    }

    /// Lets the sockets leave a room.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn leave(&self, room: impl Into<String>) -> Result<(), EmitError> {
        self.emitter.send(MessageBody::Leave { to: self.to.clone(), rooms: vec![room.into()] }).await
    }

    /// Disconnects the sockets from the namespace.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn disconnect(&self) -> Result<(), EmitError> {
        self.emitter.send(MessageBody::Disconnect { to: self.to.clone(), close: false }).await
    }

    /// Closes the connections of the sockets, with their sockets in other namespaces.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn disconnect_connections(&self) -> Result<(), EmitError> {
        self.emitter.send(MessageBody::Disconnect { to: self.to.clone(), close: true }).await
    }
}

fn packet<T: ToArgs + ?Sized>(event: &str, args: &T) -> Result<EventPacket, EmitError> {
    if RESERVED.contains(&event) {
        return Err(EmitError::Reserved(event.to_owned()));
    }
    Ok(EventPacket { event: event.to_owned(), args: args.to_args().map_err(EmitError::Arguments)? })
}

fn add(rooms: &mut Vec<String>, room: String) {
    if !rooms.contains(&room) {
        rooms.push(room);
    }
}
