//! Events of the server as streams.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::error::EventError;
use crate::inbox::Inbox;
use crate::wire::Data;

/// Subscriptions of one event.
type Inboxes = Arc<Vec<Weak<Inbox<EventError>>>>;

/// Subscriptions by event name.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<String, Inboxes>>);

impl Subscriptions {
    pub(crate) fn add(&self, event: &str, inbox: &Arc<Inbox<EventError>>) {
        let mut subscriptions = self.lock();
        let inboxes = Arc::make_mut(subscriptions.entry(event.to_owned()).or_default());
        inboxes.retain(|inbox| inbox.strong_count() > 0);
        inboxes.push(Arc::downgrade(inbox));
    }

    /// Hands an event to its subscriptions. Events without one are dropped.
    pub(crate) fn receive(&self, event: &str, data: impl Fn() -> Data) {
        // Readers are woken without the lock.
        let Some(inboxes) = self.lock().get(event).cloned() else { return };
        let mut are_all_open = true;
        for inbox in &*inboxes {
            are_all_open &= inbox.upgrade().is_some_and(|inbox| inbox.push(data(), || EventError::Overflow));
        }
        if !are_all_open {
            self.prune(event);
        }
    }

    /// Ends all subscriptions after the events that they have.
    pub(crate) fn end(&self) {
        let subscriptions = std::mem::take(&mut *self.lock());
        for inbox in subscriptions.values().flat_map(|inboxes| inboxes.iter()).filter_map(Weak::upgrade) {
            inbox.end(None);
        }
    }

    /// Forgets the subscriptions of an event that were dropped or have overflowed.
    fn prune(&self, event: &str) {
        let mut subscriptions = self.lock();
        let Some(inboxes) = subscriptions.get_mut(event) else { return };
        Arc::make_mut(inboxes).retain(|inbox| inbox.upgrade().is_some_and(|inbox| !inbox.is_ended()));
        if inboxes.is_empty() {
            subscriptions.remove(event);
        }
    }

    // No user code runs under this lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Inboxes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events of one name, each read as a `T`: a `Stream` that ends when the client is closed. See [`Client::on`] and [`Client::events`].
///
/// The client stays connected while this exists.
pub struct Events<T> {
    inbox: Arc<Inbox<EventError>>,
    is_spread: bool,
    _client: Client,
    read: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Events<T> {
    pub(crate) fn new(client: Client, inbox: Arc<Inbox<EventError>>, is_spread: bool) -> Self {
        Self { inbox, is_spread, _client: client, read: PhantomData }
    }

    /// Waits for the next event. Returns `None` when the client is closed.
    ///
    /// # Errors
    ///
    /// [`EventError::Malformed`] for one event that is no `T`; [`EventError::Overflow`] at the end of a subscription that was not
    /// read in time.
    ///
    /// # Cancel safety
    ///
    /// This method is cancel safe. A dropped call loses no event.
    pub async fn next(&mut self) -> Option<Result<T, EventError>> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<T, EventError>>> {
        let event = ready!(self.inbox.poll_next(context));
        Poll::Ready(event.map(|data| {
            let data = data?;
            // An event of a unit struct without arguments has an empty list as its data.
            if self.is_spread
                && data.json() == "[]"
                && let Ok(event) = Data::null().read()
            {
                return Ok(event);
            }
            data.read().map_err(EventError::Malformed)
        }))
    }
}

impl<T: DeserializeOwned> Stream for Events<T> {
    type Item = Result<T, EventError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(context)
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Events").finish_non_exhaustive()
    }
}
