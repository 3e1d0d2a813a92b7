//! Streams of replies.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::{RequestError, SendError};
use crate::inbox::Inbox;
use crate::outbox::Push;
use crate::pending::Waiter;
use crate::request::SentRequest;

/// The stream that answers a request, each item read as a `T`. See [`Client::stream`].
///
/// The first failure ends it, but for an item that is no `T`. Dropping it cancels the stream at the server.
#[must_use = "a stream is requested when it is polled"]
pub struct ReplyStream<T> {
    state: State,
    item: PhantomData<fn() -> T>,
}

enum State {
    Idle { client: Client, event: String, data: Result<String, SendError> },
    Sending(Push, Reading),
    Reading(Reading),
    Ended,
}

struct Reading {
    client: Client,
    inbox: Arc<Inbox<RequestError>>,
    /// Cancels the stream when it is dropped.
    _request: SentRequest,
}

impl<T: DeserializeOwned> ReplyStream<T> {
    pub(crate) fn new(client: Client, event: &str, data: Result<String, SendError>) -> Self {
        Self { state: State::Idle { client, event: event.to_owned(), data }, item: PhantomData }
    }

    /// Waits for the next item. Returns `None` at the end.
    ///
    /// # Errors
    ///
    /// [`RequestError`]; after [`RequestError::Malformed`] the stream goes on.
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, if it is the first use of the client.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. A dropped call loses no item and does not cancel the stream.
    pub async fn next(&mut self) -> Option<Result<T, RequestError>> {
        poll_fn(|context| self.poll_item(context)).await
    }

    fn poll_item(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, RequestError>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Idle { client, event, data } => {
                    client.shared().start();
                    self.state = match begin(client, &event, data) {
                        Ok(begun) => begun,
                        Err(error) => return Poll::Ready(Some(Err(error.into()))),
                    };
                }
                State::Sending(mut push, reading) => match push.poll(&reading.client.shared().outbox, context) {
                    Poll::Ready(Ok(())) => self.state = State::Reading(reading),
                    Poll::Ready(Err(error)) => {
                        return Poll::Ready(Some(Err(reading.client.shared().send_error(error).into())));
                    }
                    Poll::Pending => {
                        self.state = State::Sending(push, reading);
                        return Poll::Pending;
                    }
                },
                State::Reading(reading) => return self.poll_reading(reading, context),
                State::Ended => return Poll::Ready(None),
            }
        }
    }

    fn poll_reading(&mut self, reading: Reading, context: &mut Context<'_>) -> Poll<Option<Result<T, RequestError>>> {
        let item = reading.inbox.poll_next(context);
        if !matches!(item, Poll::Ready(None | Some(Err(_)))) {
            self.state = State::Reading(reading);
        }
        let item = ready!(item);
        Poll::Ready(item.map(|item| item?.read().map_err(RequestError::Malformed)))
    }
}

fn begin(client: Client, event: &str, data: Result<String, SendError>) -> Result<State, SendError> {
    let inbox = client.shared().inbox();
    let request = SentRequest::new(&client, Waiter::Stream(Arc::clone(&inbox)));
    let message = request.message(event, &data?)?;
    Ok(State::Sending(Push::new(message), Reading { client, inbox, _request: request }))
}

impl<T: DeserializeOwned> Stream for ReplyStream<T> {
    type Item = Result<T, RequestError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(context)
    }
}

impl<T> fmt::Debug for ReplyStream<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReplyStream").finish_non_exhaustive()
    }
}
