//! The handle of a client.

use std::sync::Arc;

use crate::private::Event;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::watch;

use crate::builder::{BuildError, ClientBuilder};
use crate::error::{Exception, SendError};
use crate::events::Events;
use crate::outbox::{Push, Queued};
use crate::private::Request as TypedRequest;
use crate::request::{Request, Sending};
use crate::session::Resumption;
use crate::shared::Shared;
use crate::status::{Closed, Status};
use crate::stream::ReplyStream;
use crate::wire::{event_frame, write};

/// A client of one namespace: one socket, through any number of connections. Clones are handles to the same client.
///
/// The first attempt begins with the first call of [`Client::ready`], or of a method that sends, inside a Tokio runtime. So
/// subscriptions made before miss nothing. The client is closed when it, its requests, streams and subscriptions have all been dropped.
///
/// Messages wait in a queue while there is no connection. Senders wait while the queue is full, which is the back-pressure of a slow
/// server or network. What was sent just before a loss may not have arrived: events are then lost, and requests fail with
/// [`RequestError::Disconnected`](crate::RequestError::Disconnected). Nothing is sent twice.
#[derive(Clone, Debug)]
pub struct Client(Arc<Handle>);

/// Closes the client when it is dropped.
#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Client {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(Handle(Arc::new(shared))))
    }

    /// Returns a builder of a client for this URL: `ws:`, `wss:`, `http:` or `https:`, whose path is the namespace.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    /// Connects without credentials, with the default options.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::connect`].
    ///
    /// # Cancel safety
    ///
    /// A dropped call closes the client.
    pub async fn connect(url: impl Into<String>) -> Result<Self, StartError> {
        Self::builder(url).connect().await
    }

    /// Waits until the server has accepted this client. While attempts fail, it waits for the next: bound it by a timeout.
    ///
    /// # Errors
    ///
    /// The end of the client, if the server refuses it for good or it was closed.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, if it is the first use of the client.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. The attempt goes on when the call is dropped.
    pub async fn ready(&self) -> Result<(), Closed> {
        self.shared().start();
        let mut status = self.watch();
        let settled = |status: &Status| matches!(status, Status::Open(_) | Status::Closed(_));
        match status.wait_for(settled).await.as_deref() {
            Ok(Status::Closed(closed)) => Err(closed.clone()),
            Ok(Status::Connecting | Status::Open(_) | Status::Waiting(_)) => Ok(()),
            Err(_) => Err(self.shared().closed()),
        }
    }

    /// Returns the present state.
    #[must_use]
    pub fn status(&self) -> Status {
        self.shared().status.borrow().clone()
    }

    /// Returns a receiver of the state and its changes.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.shared().status.subscribe()
    }

    /// Returns the place in the session that another client can go on from with [`ClientBuilder::resume_from`]. `None` if the server
    /// does not recover sockets, and before it has accepted this client.
    #[must_use]
    pub fn resumption(&self) -> Option<Resumption> {
        self.shared().session.resumption()
    }

    /// Subscribes to a typed event.
    ///
    /// Events that arrived before are not included. Those of before a loss that the server keeps arrive after the client has resumed, in
    /// order and once.
    #[must_use]
    pub fn events<E: Event + DeserializeOwned>(&self) -> Events<E> {
        self.subscribe(E::NAME, E::IS_SPREAD)
    }

    /// Subscribes to an event by its name. Its data is read as a `T`; `serde_json::Value` reads any. Several arguments are an array.
    #[must_use]
    pub fn on<T: DeserializeOwned>(&self, event: &str) -> Events<T> {
        self.subscribe(event, false)
    }

    /// Sends an event by its name. Completes when the event is queued.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`], and [`SendError::Unserializable`].
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, if it is the first use of the client.
    ///
    /// # Cancel safety
    ///
    /// The event of a call that was dropped while it waits is not sent, and the call has lost its place among the senders that wait.
    pub fn emit<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Sending {
        let push = message(event, data).map(Push::new);
        Sending::new(self.clone(), push)
    }

    /// Sends a typed event, as [`Client::emit`].
    pub fn send<E: Event>(&self, event: &E) -> Sending {
        self.emit(E::NAME, event)
    }

    /// Queues an event without waiting.
    ///
    /// # Errors
    ///
    /// As [`Client::emit`], and [`SendError::Full`].
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, if it is the first use of the client.
    pub fn try_emit<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        let message = message(event, data)?;
        self.shared().start();
        self.shared().outbox.try_push(message).map_err(|(error, _)| self.shared().send_error(error))
    }

    /// Sends an event only if the client is connected and nothing waits in its queue. Returns `false` if the event was dropped.
    ///
    /// # Errors
    ///
    /// As [`Client::emit`].
    pub fn emit_volatile<T: Serialize + ?Sized>(&self, event: &str, data: &T) -> Result<bool, SendError> {
        let is_open = matches!(&*self.shared().status.borrow(), Status::Open(_));
        if !is_open || !self.shared().outbox.is_empty() {
            return Ok(false);
        }
        match self.try_emit(event, data) {
            Ok(()) => Ok(true),
            Err(SendError::Full) => Ok(false),
            Err(error @ (SendError::Closed(_) | SendError::Unserializable(_))) => Err(error),
        }
    }

    /// Sends a request. Await it for the reply, which is read as an `R`.
    ///
    /// ```no_run
    /// # async fn check(client: gateway_client::Client) -> Result<(), gateway_client::RequestError> {
    /// use std::time::Duration;
    ///
    /// let queued = client.request::<usize>("message", "hello").timeout(Duration::from_secs(2)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<R: DeserializeOwned>(&self, event: &str, data: &(impl Serialize + ?Sized)) -> Request<R> {
        Request::new(self.clone(), event, write(data).map_err(SendError::Unserializable))
    }

    /// Presents new credentials on the open connection, where a guard of the server takes them. Await it for the server's decision; one that
    /// refuses ends the socket. The next attempt to connect asks [`ClientBuilder::auth_with`] for credentials, as ever.
    pub fn renew(&self, credentials: &(impl Serialize + ?Sized)) -> Request<()> {
        Request::renewal(self.clone(), write(credentials).map_err(SendError::Unserializable))
    }

    /// Sends a typed request, as [`Client::request`].
    pub fn call<Q: TypedRequest>(&self, request: &Q) -> Request<Q::Reply> {
        self.request(Q::NAME, request)
    }

    /// Sends a request that is answered with a stream, whose items are read as a `T`. Nothing is sent before the first item is polled
    /// for. Dropping the stream cancels it at the server.
    pub fn stream<T: DeserializeOwned>(&self, event: &str, data: &(impl Serialize + ?Sized)) -> ReplyStream<T> {
        ReplyStream::new(self.clone(), event, write(data).map_err(SendError::Unserializable))
    }

    /// Sends a typed request that is answered with a stream, as [`Client::stream`].
    pub fn call_stream<Q: TypedRequest>(&self, request: &Q) -> ReplyStream<Q::Reply> {
        self.stream(Q::NAME, request)
    }

    /// Answers the server's question of this name with what `answer` returns. A later function takes the place of an earlier one.
    ///
    /// Each answer runs in a task of its own, which is dropped if the connection of the question is lost. A question that is no `T` is
    /// answered `malformed`, one that no function answers `unanswerable`, one beyond `Bounds::answers` `overloaded`.
    ///
    /// ```no_run
    /// # fn check(client: &gateway_client::Client) {
    /// client.answer("agree?", |plan: String| async move { Ok(plan.len() < 100) });
    /// # }
    /// ```
    pub fn answer<T, A, F>(&self, event: &str, answer: impl Fn(T) -> F + Send + Sync + 'static)
    where
        T: DeserializeOwned,
        A: Serialize,
        F: Future<Output = Result<A, Exception>> + Send + 'static,
    {
        self.shared().answers.set(event, answer);
    }

    /// Ends the wait for the next attempt, for a person who asks for it. Without such a wait it does nothing.
    pub fn retry(&self) {
        if matches!(&*self.shared().status.borrow(), Status::Waiting(_)) {
            self.shared().retry.notify_one();
        }
    }

    /// Ends the client and its session for good: sends what waits in the queue, if there is a connection, and closes it with 1000.
    /// Completes when the server has answered, within `Delays::close`. Requests fail with `SendError::Closed`.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. The client ends also if the call is dropped.
    pub async fn close(&self) -> Closed {
        self.shared().close();
        let mut status = self.watch();
        // The state stays as it is when the runtime ends, and the task with it.
        let _ = status.wait_for(|status| matches!(status, Status::Closed(_))).await;
        self.shared().closed()
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.0
    }

    fn subscribe<T: DeserializeOwned>(&self, event: &str, is_spread: bool) -> Events<T> {
        let inbox = self.shared().inbox();
        if matches!(&*self.shared().status.borrow(), Status::Closed(_)) {
            inbox.end(None);
        } else {
            self.shared().subscriptions.add(event, &inbox);
        }
        Events::new(self.clone(), inbox, is_spread)
    }
}

/// Writes an event.
fn message<T: Serialize + ?Sized>(event: &str, data: &T) -> Result<Queued, SendError> {
    let text = write(data).and_then(|data| event_frame(event, &data, None));
    Ok(Queued { text: text.map_err(SendError::Unserializable)?, request: None })
}

/// Reason why [`ClientBuilder::connect`] returned no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The URL or an option is wrong.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The server refused the client for good.
    #[error(transparent)]
    Closed(#[from] Closed),
}
