//! Messages on their way out. They wait while there is no connection, or while the connection accepts no more.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Bytes that each message counts beside its length.
const OVERHEAD: usize = 64;

/// Number of answers and cancels that wait, from which on the client stops reading from the server.
const MOST_URGENT: usize = 1024;

/// A message that waits.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) text: String,
    /// The request that it is.
    pub(crate) request: Option<u64>,
}

/// The queue has no room, or the client has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PushError {
    Full,
    Closed,
}

/// Next message to send.
#[derive(Debug)]
pub(crate) enum Next {
    Message(Queued),
    /// Nothing waits, and nothing more comes.
    Closed,
}

/// A bounded queue with one reader, the task of the connection.
pub(crate) struct Outbox {
    state: Mutex<State>,
    room: Arc<Semaphore>,
    capacity: u32,
}

#[derive(Default)]
struct State {
    queued: VecDeque<(Queued, u32)>,
    /// Answers and cancels. They concern the present connection only and go first.
    urgent: VecDeque<String>,
    is_closed: bool,
    reader: Option<Waker>,
}

impl Outbox {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = u32::try_from(capacity.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(capacity as usize));
        Self { state: Mutex::default(), room, capacity }
    }

    /// Queues a message if there is room now, and nobody waits for room.
    pub(crate) fn try_push(&self, message: Queued) -> Result<(), (PushError, Queued)> {
        let weight = self.weight(&message);
        match Arc::clone(&self.room).try_acquire_many_owned(weight) {
            Ok(permit) => self.insert(message, permit),
            Err(tokio::sync::TryAcquireError::NoPermits) => Err((PushError::Full, message)),
            Err(tokio::sync::TryAcquireError::Closed) => Err((PushError::Closed, message)),
        }
    }

    /// Queues a message that goes before the others, and is dropped with the connection.
    pub(crate) fn push_urgent(&self, text: String) {
        let mut state = self.lock();
        if !state.is_closed {
            state.urgent.push_back(text);
            wake(state);
        }
    }

    /// Returns `true` while the reader has to stop reading from the server, whose questions it could not answer.
    pub(crate) fn is_jammed(&self) -> bool {
        self.lock().urgent.len() >= MOST_URGENT
    }

    /// Returns `true` if a message would be the next to be sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().queued.is_empty()
    }

    /// Takes the next message. With `urgent_only` others wait.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>, urgent_only: bool) -> Poll<Next> {
        let mut state = self.lock();
        if let Some(text) = state.urgent.pop_front() {
            return Poll::Ready(Next::Message(Queued { text, request: None }));
        }
        if !urgent_only && let Some((message, weight)) = state.queued.pop_front() {
            drop(state);
            self.room.add_permits(weight as usize);
            return Poll::Ready(Next::Message(message));
        }
        if state.is_closed {
            return Poll::Ready(Next::Closed);
        }
        state.reader = Some(context.waker().clone());
        Poll::Pending
    }

    /// Wakes the reader when something is queued, or the queue is closed.
    pub(crate) fn register(&self, context: &mut Context<'_>) {
        self.lock().reader = Some(context.waker().clone());
    }

    /// Drops what concerned a connection that is lost.
    pub(crate) fn disconnect(&self) {
        let mut state = self.lock();
        state.urgent = VecDeque::new();
        state.reader = None;
    }

    /// Refuses further messages. Those that wait may still be taken.
    pub(crate) fn close(&self) {
        self.room.close();
        let mut state = self.lock();
        state.is_closed = true;
        wake(state);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    fn insert(&self, message: Queued, permit: OwnedSemaphorePermit) -> Result<(), (PushError, Queued)> {
        let mut state = self.lock();
        if state.is_closed {
            return Err((PushError::Closed, message));
        }
        permit.forget();
        let weight = self.weight(&message);
        state.queued.push_back((message, weight));
        wake(state);
        Ok(())
    }

    fn weight(&self, message: &Queued) -> u32 {
        u32::try_from(message.text.len() + OVERHEAD).unwrap_or(u32::MAX).min(self.capacity)
    }

    // No user code runs under this lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

type Acquire = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A message until it is queued. Dropped before, it is not sent.
pub(crate) struct Push {
    message: Option<Queued>,
    acquire: Option<Acquire>,
}

impl Push {
    pub(crate) fn new(message: Queued) -> Self {
        Self { message: Some(message), acquire: None }
    }

    pub(crate) fn poll(&mut self, outbox: &Outbox, context: &mut Context<'_>) -> Poll<Result<(), PushError>> {
        let Some(message) = self.message.take() else { return Poll::Ready(Ok(())) };
        let Some(acquire) = &mut self.acquire else {
            return match outbox.try_push(message) {
                Ok(()) => Poll::Ready(Ok(())),
                Err((PushError::Closed, _)) => Poll::Ready(Err(PushError::Closed)),
                Err((PushError::Full, message)) => {
                    let room = Arc::clone(&outbox.room);
                    self.acquire = Some(Box::pin(room.acquire_many_owned(outbox.weight(&message))));
                    self.message = Some(message);
                    self.poll(outbox, context)
                }
            };
        };
        let acquired = match acquire.as_mut().poll(context) {
            Poll::Ready(acquired) => acquired,
            Poll::Pending => {
                self.message = Some(message);
                return Poll::Pending;
            }
        };
        let queued = acquired.map_err(|_| PushError::Closed);
        Poll::Ready(queued.and_then(|permit| outbox.insert(message, permit).map_err(|(error, _)| error)))
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Push").finish_non_exhaustive()
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Outbox").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    fn message(length: usize) -> Queued {
        Queued { text: "x".repeat(length), request: None }
    }

    fn next(outbox: &Outbox) -> Option<usize> {
        match outbox.poll_next(&mut Context::from_waker(Waker::noop()), false) {
            Poll::Ready(Next::Message(message)) => Some(message.text.len()),
            Poll::Ready(Next::Closed) | Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn senders_wait_for_room_in_their_order() {
        let outbox = Arc::new(Outbox::new(2 * (OVERHEAD + 10)));
        assert!(outbox.try_push(message(10)).is_ok() && outbox.try_push(message(10)).is_ok());
        let mut first = Push::new(message(20));
        let mut second = Push::new(message(1));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(first.poll(&outbox, context).is_pending() && second.poll(&outbox, context).is_pending());
        assert_eq!(next(&outbox), Some(10));
        assert!(first.poll(&outbox, context).is_pending() && second.poll(&outbox, context).is_pending());
        assert_eq!(next(&outbox), Some(10));
        poll_fn(|context| first.poll(&outbox, context)).await.unwrap();
        drop(second);
        assert_eq!((next(&outbox), next(&outbox)), (Some(20), None));
    }

    #[tokio::test]
    async fn a_message_larger_than_the_queue_waits_alone() {
        let outbox = Outbox::new(100);
        poll_fn(|context| Push::new(message(1000)).poll(&outbox, context)).await.unwrap();
        assert_eq!(outbox.try_push(message(1)).unwrap_err().0, PushError::Full);
        assert_eq!(next(&outbox), Some(1000));
        assert!(outbox.try_push(message(1)).is_ok());
    }

    #[tokio::test]
    async fn a_closed_queue_refuses_and_is_emptied() {
        let outbox = Outbox::new(OVERHEAD + 1);
        outbox.try_push(message(1)).unwrap();
        let mut waiting = Push::new(message(1));
        assert!(waiting.poll(&outbox, &mut Context::from_waker(Waker::noop())).is_pending());
        outbox.close();
        assert_eq!(poll_fn(|context| waiting.poll(&outbox, context)).await, Err(PushError::Closed));
        assert_eq!(outbox.try_push(message(1)).unwrap_err().0, PushError::Closed);
        assert_eq!((next(&outbox), next(&outbox)), (Some(1), None));
    }
}
