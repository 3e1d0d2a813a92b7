//! Requests that wait for their last frame.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Exception, RequestError};
use crate::inbox::Inbox;
use crate::wire::{Data, Frame};

/// Receiver of the frames of a request.
#[derive(Debug)]
pub(crate) enum Waiter {
    Reply(oneshot::Sender<Result<Data, RequestError>>),
    Stream(Arc<Inbox<RequestError>>),
}

/// What is left to do after a frame of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Handled {
    Done,
    /// The reader of the stream was too slow: the server need not go on.
    Overflowed,
}

#[derive(Debug)]
struct Entry {
    waiter: Waiter,
    /// `true` if the server may have seen the request.
    is_sent: bool,
}

/// Requests by their ids.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    entries: Mutex<HashMap<u64, Entry>>,
    last: AtomicU64,
}

impl Pending {
    /// Adds a request and returns its id.
    pub(crate) fn add(&self, waiter: Waiter) -> u64 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        self.lock().insert(id, Entry { waiter, is_sent: false });
        id
    }

    /// Marks a request as sent. Returns `false` if nobody waits for it any more.
    pub(crate) fn mark_sent(&self, id: u64) -> bool {
        self.lock().get_mut(&id).map(|entry| entry.is_sent = true).is_some()
    }

    /// Forgets a request. Returns `true` if the server may be at work on it.
    pub(crate) fn remove(&self, id: u64) -> bool {
        self.lock().remove(&id).is_some_and(|entry| entry.is_sent)
    }

    /// Hands on a frame with an id. Frames of forgotten requests are ignored.
    pub(crate) fn receive(&self, id: u64, frame: &Frame<'_>, data: impl Fn() -> Data) -> Handled {
        let mut entries = self.lock();
        if frame.more {
            let Some(Entry { waiter: Waiter::Stream(inbox), .. }) = entries.get(&id) else { return Handled::Done };
            let inbox = Arc::clone(inbox);
            drop(entries);
            if inbox.push(data(), || RequestError::Overflow) {
                return Handled::Done;
            }
            self.remove(id);
            return Handled::Overflowed;
        }
        let Some(Entry { waiter, .. }) = entries.remove(&id) else { return Handled::Done };
        drop(entries);
        let is_failed = frame.event.as_ref().is_some_and(|event| event.0 == "exception");
        let failure = || is_failed.then(|| RequestError::Exception(Exception::from_data(&data())));
        match waiter {
            Waiter::Reply(reply) => {
                // The receiver is gone when the caller has just given up.
                let _ = reply.send(failure().map_or_else(|| Ok(data()), Err));
            }
            Waiter::Stream(inbox) => {
                // A handler that returns a value answers with a stream of one item.
                if !is_failed && !frame.end && frame.has_data() {
                    inbox.push(data(), || RequestError::Overflow);
                }
                inbox.end(failure());
            }
        }
        Handled::Done
    }

    /// Fails the requests that were sent. The others are sent by the next connection.
    pub(crate) fn disconnect(&self) {
        self.fail(|entry| entry.is_sent, || RequestError::Disconnected);
    }

    /// Fails all requests.
    pub(crate) fn close(&self, error: impl Fn() -> RequestError) {
        self.fail(|_| true, error);
    }

    fn fail(&self, which: impl Fn(&Entry) -> bool, error: impl Fn() -> RequestError) {
        let failed: Vec<_> = self.lock().extract_if(|_, entry| which(entry)).collect();
        for (_, Entry { waiter, .. }) in failed {
            match waiter {
                Waiter::Reply(reply) => {
                    let _ = reply.send(Err(error()));
                }
                Waiter::Stream(inbox) => inbox.end(Some(error())),
            }
        }
    }

    // No user code runs under this lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
