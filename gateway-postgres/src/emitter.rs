//! Sending to the clients of a cluster from a program that is no server.

use std::fmt;
use std::sync::Arc;

use gateway_core::cluster::{BroadcastFlags, ClusterMessage, EventPacket, MessageBody, NodeId, Selector};
use gateway_core::extract::ToArgs;
use tokio::sync::Mutex;

use crate::connections::{Commands, OwnCommands, open_commands};
use crate::error::PostgresError;
use crate::options::{Options, PostgresBuilder};
use crate::publish::Notice;

/// The id under which emitters of all languages send.
const EMITTER: &str = "emitter";

/// Names that Socket.IO keeps for itself.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// An emitter: sends to the clients of all servers of a cluster, and is none of them. Cheap to clone.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use gateway_postgres::Emitter;
///
/// let emitter = Emitter::connect("postgres://app@localhost/app").await?;
/// emitter.emit("maintenance", &"in five minutes").await?;
/// emitter.of("/chat").to("general").emit("posted", &"from a job").await?;
/// # Ok(())
/// # }
/// ```
///
/// Each method returns when the database has taken the message. After a loss the next call connects again. The options are
/// those of the servers: [`PostgresBuilder::connect_emitter`].
#[derive(Clone)]
pub struct Emitter {
    shared: Arc<EmitterShared>,
    namespace: Arc<str>,
}

struct EmitterShared {
    options: Options,
    id: NodeId,
    /// Nothing after the database has not answered in time.
    opened: Mutex<Option<OwnCommands>>,
}

/// The recipients of an [`Emitter`].
#[derive(Clone, Debug)]
pub struct EmitterTarget {
    emitter: Emitter,
    selector: Selector,
}

impl Emitter {
    /// Connects to a database with the default options.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] for a malformed URL, a database that cannot be reached, and a missing table.
    pub async fn connect(url: &str) -> Result<Self, PostgresError> {
        PostgresBuilder::new(url).connect_emitter().await
    }

    pub(crate) fn new(options: Options, opened: OwnCommands) -> Self {
        let shared = EmitterShared { options, id: NodeId::new(EMITTER), opened: Mutex::new(Some(opened)) };
        Self { shared: Arc::new(shared), namespace: "/".into() }
    }

    /// An emitter for another namespace; it was `/` before. A missing slash is added.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Self {
        let namespace = if namespace.starts_with('/') { namespace.into() } else { format!("/{namespace}").into() };
        Self { shared: Arc::clone(&self.shared), namespace }
    }

    /// All sockets of the namespace.
    #[must_use]
    pub fn all(&self) -> EmitterTarget {
        EmitterTarget { emitter: self.clone(), selector: Selector::default() }
    }

    /// The sockets of a room. A socket's id is the name of its own room.
    #[must_use]
    pub fn to(&self, room: impl Into<String>) -> EmitterTarget {
        self.all().to(room)
    }

    /// All sockets but those of a room.
    #[must_use]
    pub fn except(&self, room: impl Into<String>) -> EmitterTarget {
        self.all().except(room)
    }

    /// Sends an event to all sockets of the namespace.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn emit(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> Result<(), PostgresError> {
        self.all().emit(event, data).await
    }

    /// Sends an event to the server-side handlers of all servers.
    ///
    /// # Errors
    ///
    /// As [`EmitterTarget::emit`].
    pub async fn server_side_emit(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> Result<(), PostgresError> {
        self.publish(MessageBody::ServerEvent(packet(event, data)?)).await
    }

    async fn publish(&self, body: MessageBody) -> Result<(), PostgresError> {
        let message = ClusterMessage { namespace: Arc::clone(&self.namespace), body };
        let notice = Notice::new(&self.shared.options, &self.shared.id, &message)?;
        let commands = self.shared.commands().await?;
        let sent = commands.answer(notice.send(&commands)).await;
        if matches!(sent, Err(PostgresError::Timeout(_))) {
            self.shared.give_up(&commands).await;
        }
        sent
    }
}

impl EmitterTarget {
    /// Adds the sockets of a room.
    #[must_use]
    pub fn to(mut self, room: impl Into<String>) -> Self {
        self.selector.rooms.push(room.into());
        self
    }

    /// Excludes the sockets of a room.
    #[must_use]
    pub fn except(mut self, room: impl Into<String>) -> Self {
        self.selector.except.push(room.into());
        self
    }

    /// Sends only to sockets that have nothing queued.
    #[must_use]
    pub fn volatile(self) -> Self {
        self.with_flags(|flags| flags.volatile = true)
    }

    /// Sends without compression.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        self.with_flags(|flags| flags.uncompressed = true)
    }

    /// Sends an event.
    ///
    /// # Errors
    ///
    /// [`PostgresError`] for a reserved event name, data that cannot be written, a namespace with a name that is too long,
    /// and a database that is away or refuses the statement. With `Timeout` the event may have been sent.
    pub async fn emit(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> Result<(), PostgresError> {
        let packet = packet(event, data)?;
        self.emitter.publish(MessageBody::Broadcast { packet, to: self.selector.clone() }).await
    }

    /// Lets the sockets join a room.
    ///
    /// # Errors
    ///
    /// As [`emit`](EmitterTarget::emit).
    pub async fn join(&self, room: impl Into<String>) -> Result<(), PostgresError> {
        let rooms = vec![room.into()];
        self.emitter.publish(MessageBody::Join { to: self.selector.clone(), rooms }).await
    }

    /// Lets the sockets leave a room.
    ///
    /// # Errors
    ///
    /// As [`emit`](EmitterTarget::emit).
    pub async fn leave(&self, room: impl Into<String>) -> Result<(), PostgresError> {
        let rooms = vec![room.into()];
        self.emitter.publish(MessageBody::Leave { to: self.selector.clone(), rooms }).await
    }

    /// Disconnects the sockets from the namespace.
    ///
    /// # Errors
    ///
    /// As [`emit`](EmitterTarget::emit).
    pub async fn disconnect(&self) -> Result<(), PostgresError> {
        self.emitter.publish(MessageBody::Disconnect { to: self.selector.clone(), close: false }).await
    }

    /// Closes the connections of the sockets, with their sockets in other namespaces.
    ///
    /// # Errors
    ///
    /// As [`emit`](EmitterTarget::emit).
    pub async fn disconnect_connections(&self) -> Result<(), PostgresError> {
        self.emitter.publish(MessageBody::Disconnect { to: self.selector.clone(), close: true }).await
    }

    fn with_flags(mut self, set: impl FnOnce(&mut BroadcastFlags)) -> Self {
        set(&mut self.selector.flags);
        self
    }
}

impl EmitterShared {
    /// The connection; a new one if it was lost.
    async fn commands(&self) -> Result<Arc<Commands>, PostgresError> {
        let mut opened = self.opened.lock().await;
        let commands = opened.as_ref().map(|opened| &opened.commands).filter(|commands| !commands.client.is_closed());
        if let Some(commands) = commands {
            return Ok(Arc::clone(commands));
        }
        let new = open_commands(&self.options).await?;
        Ok(Arc::clone(&opened.insert(new).commands))
    }

    /// Drops the connection, unless another call has replaced it.
    async fn give_up(&self, silent: &Arc<Commands>) {
        let mut opened = self.opened.lock().await;
        opened.take_if(|opened| Arc::ptr_eq(&opened.commands, silent));
    }
}

impl fmt::Debug for Emitter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Emitter").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

fn packet(event: &str, data: &(impl ToArgs + ?Sized)) -> Result<EventPacket, PostgresError> {
    if RESERVED.contains(&event) {
        return Err(PostgresError::ReservedEvent(event.to_owned()));
    }
    let args = data.to_args().map_err(PostgresError::Json)?;
    Ok(EventPacket { event: event.to_owned(), args })
}
