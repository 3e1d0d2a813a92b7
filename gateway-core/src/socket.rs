//! The [`Socket`]: user code's handle to one connected client.

mod ack_request;
mod responses;
mod server_side;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::hub::{JoinError, Namespace, PublicData, RoomName, Space, Target, emit_logged, show_data};
use crate::metrics::{Counters, TestLog};
use crate::protocol::{Content, Disconnect, Event, FromArgs, Message, RawArgs, ToArgs, is_reserved};
use crate::session::{Delivery, EmitMode, GuardDecision, NextOffset, Scope, SendError, Session, SocketId};
pub use crate::socket::ack_request::{AckRequest, AckRequests};
pub use crate::socket::responses::Responses;
pub use crate::socket::server_side::ServerRequest;
pub(crate) use crate::socket::server_side::send_to_servers;
use crate::transport::Handshake;

/// A handle to one connected client. Cheap to clone; usable from any task, also after the client has disconnected.
#[derive(Clone)]
pub struct Socket {
    session: Arc<Session>,
    space: Arc<Space>,
}

impl Socket {
    pub(crate) fn new(session: Arc<Session>, space: Arc<Space>) -> Self {
        Self { session, space }
    }

    /// The socket's id: unguessable and never reused.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.session.id
    }

    /// The request that opened the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.session.handshake
    }

    /// The namespace the socket is connected to.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        Namespace::new(Arc::clone(&self.space))
    }

    #[cfg(feature = "admin")]
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn space(&self) -> &Arc<Space> {
        &self.space
    }

    /// Adds the socket to `room` once every room guard of its namespace has allowed it. The room is created if needed.
    /// Without room guards the call completes without waiting, except in a cluster whose engine routes messages by room: there
    /// it completes when the room's messages reach this node, or after a limit.
    ///
    /// For rooms that the server chooses, `socket.only().join("general")` runs no guards and does not wait; see
    /// [`Target::join`].
    ///
    /// # Errors
    ///
    /// [`JoinError`] when the socket is in too many rooms, the room is another socket's own, a guard refuses, or the socket
    /// has disconnected.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before it completes, the socket does not join.
    pub async fn join(&self, room: impl RoomName) -> Result<(), JoinError> {
        let room = room.as_ref();
        let verdict = match self.check_room(room) {
            None => Ok(()),
            Some(GuardDecision::Now(verdict)) => verdict,
            Some(GuardDecision::Later(verdict)) => verdict.await,
        };
        verdict.map_err(JoinError::Refused)?;
        self.space.join(&self.session.id, room)?;
        if let Some(cluster) = self.space.cluster() {
            // Boxed, so that the future is no larger in a server without a cluster.
            Box::pin(cluster.room_entered(&self.space.name, room)).await;
        }
        Ok(())
    }

    /// Runs the room guards; `None` if there are none, or the socket is already in the room.
    fn check_room(&self, room: &str) -> Option<GuardDecision> {
        let room_guard = self.session.room_guard.get()?;
        if self.is_in(room) { None } else { Some(room_guard.check(&self.session, room)) }
    }

    /// The user this socket belongs to, if a guard set one with [`Grant::user`](crate::pipeline::Grant::user).
    #[must_use]
    pub fn user(&self) -> Option<String> {
        self.space.user_of(&self.session.id)
    }

    /// The value of type `T` that a guard granted to this socket with [`Grant::with`](crate::pipeline::Grant::with): at the upgrade, at
    /// the connect or, with [`Grant::for_socket`](crate::pipeline::Grant::for_socket) or [`Grant::until`](crate::pipeline::Grant::until), at an
    /// event. A handler reads its own socket's value as [`Auth<T>`](crate::extract::Auth); this method works for any socket.
    ///
    /// ```no_run
    /// # struct User { name: String }
    /// # fn example(namespace: gateway_core::Namespace) {
    /// let sockets = namespace.to("general").sockets();
    /// let names = sockets.iter().filter_map(|socket| Some(socket.granted::<User>()?.name.clone()));
    /// # }
    /// ```
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.session.granted.get()?.find()
    }

    pub(crate) fn set_user(&self, user: &str) {
        self.space.name_user(&self.session.id, user);
    }

    pub(crate) fn forget_user(&self) {
        self.space.forget_user(&self.session.id);
    }

    pub(crate) fn test_log(&self) -> &TestLog {
        &self.session.test_log
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.session.telemetry.counters
    }

    /// Removes the socket from `room`. Returns `true` if the socket was in the room.
    pub fn leave(&self, room: impl RoomName) -> bool {
        self.space.leave(&self.session.id, room.as_ref())
    }

    /// Returns `true` if the socket is in `room`. Every socket is in its own room.
    #[must_use]
    pub fn is_in(&self, room: impl RoomName) -> bool {
        self.space.is_in(&self.session.id, room.as_ref())
    }

    /// The rooms this socket is in, without its own room. In no particular order.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.space.rooms_of(&self.session.id)
    }

    /// All sockets in `room` except this one.
    #[must_use]
    pub fn to(&self, room: impl RoomName) -> Target {
        self.broadcast().to(room)
    }

    /// All sockets of the namespace except this one and those in `room`.
    #[must_use]
    pub fn except(&self, room: impl RoomName) -> Target {
        self.broadcast().except(room)
    }

    /// All sockets of the namespace except this one.
    #[must_use]
    pub fn broadcast(&self) -> Target {
        Target::all(&self.space).except(self.id().as_str())
    }

    /// A target of this socket alone, for methods of [`Target`] only: `socket.only().uncompressed().send(Picture { .. })`.
    #[must_use]
    pub fn only(&self) -> Target {
        Target::all(&self.space).to(self.id().as_str()).local()
    }

    /// Sends the client an event by name, without waiting. Several arguments are sent as `&Args((one, other))`.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the client reads too slowly or has disconnected, the value cannot be serialised, or the name is
    /// reserved.
    pub fn emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        self.push(event, data.to_args(), EmitMode::Event)
    }

    /// A sender of volatile events: an event is dropped if anything else is queued for the socket.
    ///
    /// ```no_run
    /// # fn example(socket: gateway_core::Socket) {
    /// let was_sent = socket.volatile().emit("pointer", &[120, 80]).is_ok();
    /// # }
    /// ```
    #[must_use]
    pub fn volatile(&self) -> VolatileSocket<'_> {
        VolatileSocket(self)
    }

    /// Sends an event that replaces an older event of the same name and `key` if that is still queued. See
    /// [`Target::emit_latest`].
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    pub fn emit_latest<T: ToArgs + ?Sized>(
        &self,
        event: &str,
        key: impl AsRef<str>,
        data: &T,
    ) -> Result<(), SendError> {
        self.push(event, data.to_args(), EmitMode::LatestOf(key.as_ref()))
    }

    /// Sends a typed event that replaces an older one that is still queued; see [`Socket::emit_latest`].
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send_latest(id, Moved { .. })`")]
    pub fn send_latest<E: Event>(&self, key: impl AsRef<str>, event: E) -> Result<(), SendError> {
        self.space.note_typed::<E>();
        self.push(E::NAME, RawArgs::event(&event), EmitMode::LatestOf(key.as_ref()))
    }

    /// Returns the payload of an event, after the checks that every event passes.
    fn content(&self, event: &str, args: Result<RawArgs, serde_json::Error>) -> Result<Content, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved);
        }
        let content = args.map_err(|_| SendError::Unserializable)?.into_content();
        self.session.notify_listeners(event, content.borrowed());
        Ok(content)
    }

    /// Sends the client a typed event, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> Result<(), SendError> {
        self.space.note_typed::<E>();
        self.push(E::NAME, RawArgs::event(&event), EmitMode::Event)
    }

    fn push(&self, event: &str, args: Result<RawArgs, serde_json::Error>, mode: EmitMode<'_>) -> Result<(), SendError> {
        let content = self.content(event, args)?;
        let offset = match mode {
            EmitMode::Volatile => None,
            EmitMode::Event | EmitMode::LatestOf(_) => match self.space.next_offset() {
                NextOffset::Off => None,
                NextOffset::Assigned(offset) => Some(offset),
                NextOffset::FromLog => return emit_logged(&self.space, &self.session, (event, content), mode),
            },
        };
        self.session.emit(event, content.borrowed(), mode, offset)
    }

    /// Sends the client a whole message without an envelope, as raw gateways do.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    pub fn send_message(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.session.push(message.into().encode(self.session.format), Delivery::Event)
    }

    /// Sends an event and returns a request for its acknowledgement; await it for the client's answer. Several arguments of
    /// the answer are read as an array, or as [`Args`](crate::extract::Args) with any number of them.
    ///
    /// ```no_run
    /// # async fn example(socket: gateway_core::Socket) -> Result<(), gateway_core::RequestError> {
    /// let agreed: bool = socket.emit_with_ack("agree?", "to the rules").timeout(std::time::Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn emit_with_ack<R: FromArgs>(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> AckRequest<R> {
        AckRequest::new(&self.session, event, data.to_args())
    }

    /// Stores a value with the socket. There is one value per type; a later value replaces the earlier one.
    pub fn set_state<T: Send + Sync + 'static>(&self, value: T) {
        self.session.state.insert(value);
    }

    /// The value of this type stored with [`Socket::set_state`].
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.session.state.find()
    }

    /// Makes data public with the socket: other nodes of a cluster see them in
    /// [`RemoteSocket::data`](crate::cluster::RemoteSocket::data). A later call replaces them. Corresponds to `socket.data` of
    /// Socket.IO; [`Socket::set_state`] keeps values in the process.
    ///
    /// # Errors
    ///
    /// When the value cannot be serialised as JSON.
    pub fn set_data<T: Serialize + ?Sized>(&self, data: &T) -> Result<(), serde_json::Error> {
        let data = serde_json::to_value(data)?;
        show_data(&self.session, &data);
        self.session.state.insert(PublicData(data));
        self.space.note_change(self.id());
        Ok(())
    }

    /// The data that [`Socket::set_data`] made public; `null` if none.
    #[must_use]
    pub fn data(&self) -> Value {
        self.session.state.find::<PublicData>().map(|data| data.0.clone()).unwrap_or_default()
    }

    /// Disconnects the socket after its queued events are sent. On plain WebSocket this closes the connection, on Socket.IO
    /// it ends the namespace only.
    pub fn disconnect(&self, disconnect: Disconnect) {
        self.session.disconnect(disconnect, Scope::Socket);
    }

    /// Closes the whole connection, with all its namespaces. On plain WebSocket this equals [`Socket::disconnect`].
    pub fn disconnect_connection(&self, disconnect: Disconnect) {
        self.session.disconnect(disconnect, Scope::Connection);
    }

    /// Returns `true` if the client lost an earlier connection and resumed this socket, with its rooms, its state and
    /// the events it missed.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.session.is_recovered()
    }

    /// Returns `true` while the client is connected.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.session.current().gone.is_cancelled()
    }

    /// Completes when the client disconnects or the server stops. Useful to end work that serves this client only.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and the method called again.
    pub async fn closed(&self) {
        self.session.gone.cancelled().await;
    }
}

/// A sender of volatile events to one socket, made by [`Socket::volatile`].
#[derive(Clone, Copy, Debug)]
pub struct VolatileSocket<'a>(&'a Socket);

impl VolatileSocket<'_> {
    /// Sends an event by name if nothing else is queued for the socket.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`]; also [`SendError::Full`] if the event was dropped because another is queued.
    pub fn emit<T: ToArgs + ?Sized>(self, event: &str, data: &T) -> Result<(), SendError> {
        self.0.push(event, data.to_args(), EmitMode::Volatile)
    }

    /// Sends a typed event if nothing else is queued for the socket.
    ///
    /// # Errors
    ///
    /// As [`VolatileSocket::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Moved { .. })`")]
    pub fn send<E: Event>(self, event: E) -> Result<(), SendError> {
        self.0.space.note_typed::<E>();
        self.0.push(E::NAME, RawArgs::event(&event), EmitMode::Volatile)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Socket")
            .field("id", self.id())
            .field("namespace", &self.space.name)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Socket {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Socket {}

impl Target {
    /// The sockets selected at this moment. In no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        let sessions = self.select();
        let here = sessions.iter().filter(|session| !session.is_away());
        here.map(|session| Socket::new(Arc::clone(session), Arc::clone(self.space()))).collect()
    }
}

impl Namespace {
    /// All sockets of the namespace at this moment. In no particular order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.all().sockets()
    }

    /// The socket with this id, if it is connected to the namespace.
    #[must_use]
    pub fn socket(&self, id: impl AsRef<str>) -> Option<Socket> {
        let id = id.as_ref();
        self.to(id).sockets().into_iter().find(|socket| socket.id().as_str() == id)
    }
}
