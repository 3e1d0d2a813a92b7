//! Events and requests on their way.

use std::fmt;
use std::future::{IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::client::Client;
use crate::error::{RequestError, SendError};
use crate::outbox::{Push, Queued};
use crate::pending::Waiter;
use crate::wire::{auth_frame, cancel_frame, event_frame};

/// An event until it is queued. See [`Client::emit`].
#[must_use = "an event is sent when this is awaited"]
pub struct Sending {
    client: Client,
    push: Option<Result<Push, SendError>>,
}

impl Sending {
    pub(crate) fn new(client: Client, push: Result<Push, SendError>) -> Self {
        Self { client, push: Some(push) }
    }
}

impl Future for Sending {
    type Output = Result<(), SendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.push.take() {
            None => Poll::Ready(Ok(())),
            Some(Err(error)) => Poll::Ready(Err(error)),
            Some(Ok(mut push)) => {
                let shared = self.client.shared();
                shared.start();
                match push.poll(&shared.outbox, context) {
                    Poll::Ready(queued) => Poll::Ready(queued.map_err(|error| shared.send_error(error))),
                    Poll::Pending => {
                        self.push = Some(Ok(push));
                        Poll::Pending
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sending").finish_non_exhaustive()
    }
}

/// A request whose reply is read as an `R`. It is sent when it is awaited. See [`Client::request`].
///
/// # Errors
///
/// [`RequestError`]. After `Timeout` and `Disconnected` the request may have been handled.
///
/// # Panics
///
/// Outside of a Tokio runtime, if it is the first use of the client.
///
/// # Cancel safety
///
/// A request that is dropped in the queue is not sent. One that was sent is cancelled at the server, which may have handled it.
#[must_use = "a request is sent when it is awaited"]
pub struct Request<R> {
    client: Client,
    /// The event; `None` for new credentials.
    event: Option<String>,
    data: Result<String, SendError>,
    timeout: Duration,
    reply: PhantomData<fn() -> R>,
}

impl<R: DeserializeOwned> Request<R> {
    pub(crate) fn new(client: Client, event: &str, data: Result<String, SendError>) -> Self {
        Self { event: Some(event.to_owned()), ..Self::renewal(client, data) }
    }

    /// New credentials.
    pub(crate) fn renewal(client: Client, data: Result<String, SendError>) -> Self {
        let timeout = client.shared().delays.request;
        Self { client, event: None, data, timeout, reply: PhantomData }
    }

    /// Sets the time until the request fails with `Timeout`. The time in the queue counts.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn run(self) -> Result<R, RequestError> {
        let data = self.data?;
        let shared = self.client.shared();
        shared.start();
        let (reply, replied) = oneshot::channel();
        let sent = SentRequest::new(&self.client, Waiter::Reply(reply));
        let message = match &self.event {
            Some(event) => sent.message(event, &data)?,
            None => Queued { text: auth_frame(&data, sent.id), request: Some(sent.id) },
        };
        let mut push = Push::new(message);
        let answered = async {
            let queued = poll_fn(|context| push.poll(&shared.outbox, context)).await;
            queued.map_err(|error| shared.send_error(error))?;
            // The sender is dropped unused only if the request itself is.
            replied.await.unwrap_or(Err(RequestError::Disconnected))
        };
        let reply = timeout(self.timeout, answered).await.unwrap_or(Err(RequestError::Timeout))?;
        reply.read().map_err(RequestError::Malformed)
    }
}

impl<R: DeserializeOwned + 'static> IntoFuture for Request<R> {
    type Output = Result<R, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<R> fmt::Debug for Request<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("event", &self.event).finish_non_exhaustive()
    }
}

/// A request that waits for frames. Dropping it forgets the request, and cancels it if the server may be at work on it.
#[derive(Debug)]
pub(crate) struct SentRequest {
    client: Client,
    id: u64,
}

impl SentRequest {
    pub(crate) fn new(client: &Client, waiter: Waiter) -> Self {
        Self { client: client.clone(), id: client.shared().pending.add(waiter) }
    }

    pub(crate) fn message(&self, event: &str, data: &str) -> Result<Queued, SendError> {
        let text = event_frame(event, data, Some(self.id)).map_err(SendError::Unserializable)?;
        Ok(Queued { text, request: Some(self.id) })
    }
}

impl Drop for SentRequest {
    fn drop(&mut self) {
        let shared = self.client.shared();
        if shared.pending.remove(self.id) {
            shared.outbox.push_urgent(cancel_frame(self.id));
        }
    }
}
