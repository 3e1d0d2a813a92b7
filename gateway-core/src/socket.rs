//! The handle user code holds of one connected client.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::hub::{JoinError, Namespace, Space, Target};
use crate::session::{Delivery, DisconnectReason, SendError, Session, SocketId};
use crate::transport::Handshake;
use crate::wire::{Content, Disconnect, Event, Message, Outgoing};

/// One connected client. Cheap to clone; may be kept and used from any task, also after the client has gone.
#[derive(Clone)]
pub struct Socket {
    session: Arc<Session>,
    space: Arc<Space>,
}

impl Socket {
    pub(crate) fn new(session: Arc<Session>, space: Arc<Space>) -> Self {
        Self { session, space }
    }

    /// Its name, unguessable and never reused.
    #[must_use]
    pub fn id(&self) -> &SocketId {
        &self.session.id
    }

    /// The request that opened the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        &self.session.handshake
    }

    /// The namespace it is in.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        Namespace::new(Arc::clone(&self.space))
    }

    /// Puts it into `room`, which need not exist before.
    ///
    /// # Errors
    ///
    /// [`JoinError`] when it is in too many rooms, the room is another socket's own, or it is gone.
    pub fn join(&self, room: impl AsRef<str>) -> Result<(), JoinError> {
        self.space.join(&self.session.id, room.as_ref())
    }

    /// Takes it out of `room`; says whether it was in it.
    pub fn leave(&self, room: impl AsRef<str>) -> bool {
        self.space.leave(&self.session.id, room.as_ref())
    }

    /// Whether it is in `room`; always in its own.
    #[must_use]
    pub fn is_in(&self, room: impl AsRef<str>) -> bool {
        self.space.is_in(&self.session.id, room.as_ref())
    }

    /// The rooms it is in, its own left out. In no order.
    #[must_use]
    pub fn rooms(&self) -> Vec<String> {
        self.space.rooms_of(&self.session.id)
    }

    /// The others in `room`: everybody there but this socket.
    #[must_use]
    pub fn to(&self, room: impl AsRef<str>) -> Target {
        self.broadcast().to(room)
    }

    /// The others in the namespace but those in `room`.
    #[must_use]
    pub fn except(&self, room: impl AsRef<str>) -> Target {
        self.broadcast().except(room)
    }

    /// The others in the namespace: everybody but this socket.
    #[must_use]
    pub fn broadcast(&self) -> Target {
        Target::all(&self.space).except(self.id().as_str())
    }

    /// Sends it an event by name, without waiting.
    ///
    /// # Errors
    ///
    /// [`SendError`] when the client reads too slowly, is gone, or the value cannot be serialised.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        self.push(event, data, Delivery::Event)
    }

    /// Sends it an event only if nothing else waits for it.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`]; [`SendError::Full`] also where the event was dropped because something waits.
    pub fn emit_volatile<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        self.push(event, data, Delivery::Volatile)
    }

    /// Sends it a typed event, without waiting.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    #[allow(clippy::needless_pass_by_value, reason = "an event is said, not lent: `send(Posted { .. })`")]
    pub fn send<E: Event>(&self, event: E) -> Result<(), SendError> {
        self.emit(E::NAME, &event)
    }

    fn push<T: Serialize + ?Sized>(&self, event: &str, data: &T, delivery: Delivery) -> Result<(), SendError> {
        let content = Content::of(data).map_err(|_| SendError::Unserializable)?;
        let outgoing = Outgoing::Event { event, content: content.lend(), offset: None };
        self.session.push(self.session.encode(&outgoing), delivery)
    }

    /// Sends it a whole message without an envelope, as raw gateways do.
    ///
    /// # Errors
    ///
    /// As [`Socket::emit`].
    pub fn send_message(&self, message: impl Into<Message>) -> Result<(), SendError> {
        self.session.push(message.into().encode(self.session.outbox.format), Delivery::Event)
    }

    /// Asks the client something; await the result for its answer.
    ///
    /// ```no_run
    /// # async fn example(socket: gateway_core::Socket) -> Result<(), gateway_core::RequestError> {
    /// let agreed: bool = socket.request("agree?", "to the rules").timeout(std::time::Duration::from_secs(60)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<R: DeserializeOwned>(&self, event: &str, data: &(impl Serialize + ?Sized)) -> Request<R> {
        Request {
            socket: self.clone(),
            event: event.to_owned(),
            content: Content::of(data).map_err(|_| RequestError::Unserializable),
            timeout: self.session.request_timeout,
            answer: PhantomData,
        }
    }

    /// Keeps a value with the socket, one of each type; it replaces an earlier one.
    pub fn set_state<T: Send + Sync + 'static>(&self, value: T) {
        self.session.state.insert(value);
    }

    /// The value of this type that was kept with the socket.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.session.state.find()
    }

    /// Ends the connection after what already waits for it.
    pub fn disconnect(&self, disconnect: Disconnect) {
        self.session.outbox.end(DisconnectReason::Server(disconnect));
    }

    /// Whether the client is still there.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        !self.session.gone.is_cancelled()
    }

    /// Ends when the client has gone or the server stops: for work that is of use to nobody else.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again.
    pub async fn gone(&self) {
        self.session.gone.cancelled().await;
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
    /// The sockets that are meant right now. In no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.select().iter().map(|session| Socket::new(Arc::clone(session), Arc::clone(self.space()))).collect()
    }
}

impl Namespace {
    /// Everybody in it right now. In no order.
    #[must_use]
    pub fn sockets(&self) -> Vec<Socket> {
        self.all().sockets()
    }
}

/// A question to a client. Nothing is sent before it is awaited; dropping the wait forgets the question.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct Request<R> {
    socket: Socket,
    event: String,
    content: Result<Content, RequestError>,
    timeout: Duration,
    answer: PhantomData<fn() -> R>,
}

/// Why a client did not answer a question.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The connect hook has not accepted yet, so the client cannot be asked: it would wait for the hook, and the hook for it.
    #[error("a client cannot be asked while its connect hook runs")]
    NotConnected,
    /// As many questions as the limit allows wait already.
    #[error("too many questions to this client wait for an answer")]
    TooMany,
    /// The question could not be sent.
    #[error("the question could not be sent")]
    Unsent(#[from] SendError),
    /// The question's data cannot be written as JSON.
    #[error("the question cannot be serialised")]
    Unserializable,
    /// No answer came in time.
    #[error("operation has timed out")]
    Timeout,
    /// The client left before it answered.
    #[error("the client is gone")]
    Gone,
    /// The client answered with an error of its own.
    #[error("the client answered with an error: {0}")]
    Refused(Value),
    /// The answer is not what was asked for.
    #[error("the client's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl<R> Request<R> {
    /// Waits this long instead of the server's default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<R: DeserializeOwned + Send + 'static> IntoFuture for Request<R> {
    type Output = Result<R, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl<R: DeserializeOwned> Request<R> {
    async fn ask(self) -> Result<R, RequestError> {
        let content = self.content?;
        let session = &self.socket.session;
        if !session.is_accepted() {
            return Err(RequestError::NotConnected);
        }
        let refused = || if session.gone.is_cancelled() { RequestError::Gone } else { RequestError::TooMany };
        let (ask, receiver) = session.pending.open().ok_or_else(refused)?;
        let _forget = Forget(session, ask);
        let question = Outgoing::Ask { event: &self.event, content: content.lend(), ask };
        session.push(session.encode(&question), Delivery::Answer)?;
        let answer = tokio::time::timeout(self.timeout, receiver).await.map_err(|_| RequestError::Timeout)?;
        match answer.map_err(|_| RequestError::Gone)? {
            Ok(json) => serde_json::from_str(&json).map_err(RequestError::Unreadable),
            Err(json) => Err(RequestError::Refused(serde_json::from_str(&json).unwrap_or(Value::Null))),
        }
    }
}

/// Frees the question's place however the wait ends.
struct Forget<'a>(&'a Session, u64);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.pending.forget(self.1);
    }
}
