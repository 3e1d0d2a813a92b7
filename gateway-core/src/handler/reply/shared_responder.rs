//! Who holds the right to answer while a handler runs: the framework, an [`Ack`](crate::extract::Ack), or both. How it is used is in
//! `respond.rs`.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::error::Exception;
use crate::handler::reply::responder::{Finished, Responder};
use crate::handler::{Outcome, Reply};
use crate::protocol::RequestId;

/// Who holds the responder of a handler: the framework alone, or also an [`Ack`](crate::extract::Ack) the handler asked for.
#[derive(Debug)]
pub(crate) struct SharedResponder<'a>(Mutex<ResponderHolder<'a>>);

#[derive(Debug)]
enum ResponderHolder<'a> {
    Ours(Responder<'a>),
    Shared(Arc<Mutex<ResponderSlot>>),
    Nobody,
}

/// A right to answer that has several holders; whoever is first uses it.
#[derive(Debug, Default)]
pub(crate) struct ResponderSlot {
    responder: Option<Responder<'static>>,
    /// Whether the handler answers by its [`Ack`](crate::extract::Ack).
    by_hand: bool,
}

impl<'a> SharedResponder<'a> {
    pub(crate) fn new(responder: Responder<'a>) -> Self {
        Self(Mutex::new(ResponderHolder::Ours(responder)))
    }

    fn into_inner(self) -> ResponderHolder<'a> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, for a handler that has not returned yet.
    pub(crate) fn into_owned(self) -> SharedResponder<'static> {
        SharedResponder(Mutex::new(match self.into_inner() {
            ResponderHolder::Ours(responder) => ResponderHolder::Ours(responder.into_owned()),
            ResponderHolder::Shared(slot) => ResponderHolder::Shared(slot),
            ResponderHolder::Nobody => ResponderHolder::Nobody,
        }))
    }

    /// Lends it to a handler that is called later.
    pub(crate) fn lend(&self) -> LentResponder {
        LentResponder(self.slot())
    }

    fn slot(&self) -> Arc<Mutex<ResponderSlot>> {
        let mut holder = lock(&self.0);
        let slot = match mem::replace(&mut *holder, ResponderHolder::Nobody) {
            ResponderHolder::Ours(responder) => {
                Arc::new(Mutex::new(ResponderSlot { responder: Some(responder.into_owned()), by_hand: false }))
            }
            ResponderHolder::Shared(slot) => slot,
            ResponderHolder::Nobody => Arc::default(),
        };
        *holder = ResponderHolder::Shared(Arc::clone(&slot));
        slot
    }

    /// It has failed: what it returned is the answer, also where it would have answered by hand.
    pub(crate) fn take_back(&self) {
        if let ResponderHolder::Shared(slot) = &*lock(&self.0) {
            lock(slot).by_hand = false;
        }
    }

    /// The framework ends the handler: what it set to work elsewhere is told.
    pub(crate) fn cancel(&self) {
        let cancellation = match &*lock(&self.0) {
            ResponderHolder::Ours(responder) => responder.cancellation.clone(),
            ResponderHolder::Shared(slot) => {
                lock(slot).responder.as_ref().and_then(|responder| responder.cancellation.clone())
            }
            ResponderHolder::Nobody => None,
        };
        if let Some(cancellation) = cancellation {
            cancellation.cancel();
        }
    }

    /// The handler returned.
    pub(crate) fn finish(self, reply: Reply) -> Finished {
        match (self.into_inner(), reply.0) {
            (ResponderHolder::Ours(responder), outcome) => return responder.finish(Reply(outcome)),
            (ResponderHolder::Shared(slot), outcome) => {
                let mut slot = lock(&slot);
                // Who answers by an `Ack` returns no answer: only a failure counts.
                let counts = !slot.by_hand || matches!(outcome, Outcome::Failed(_));
                let responder = if counts { slot.responder.take() } else { None };
                if let Some(responder) = &slot.responder {
                    responder.note(|| "the handler returned, and is to answer by its `Ack`".to_owned());
                }
                drop(slot);
                if let Some(responder) = responder {
                    return responder.finish(Reply(outcome));
                }
            }
            (ResponderHolder::Nobody, _) => {}
        }
        Finished::Done
    }

    pub(crate) fn fail(self, exception: Exception) {
        self.finish(Reply(Outcome::Failed(exception)));
    }

    pub(crate) fn has_id(&self, id: &RequestId) -> bool {
        match &*lock(&self.0) {
            ResponderHolder::Ours(responder) => responder.id() == Some(id),
            ResponderHolder::Shared(slot) => lock(slot).responder.as_ref().and_then(Responder::id) == Some(id),
            ResponderHolder::Nobody => false,
        }
    }
}

/// What an [`Ack`](crate::extract::Ack) and a [`Cancellation`](crate::extract::Cancellation) are made from.
pub(crate) trait Share: Sync {
    /// Lets the handler answer by itself.
    fn share(&self) -> Arc<Mutex<ResponderSlot>>;

    /// What fires when nobody waits for the answer any more.
    fn cancellation(&self) -> Option<CancellationToken>;
}

impl Share for SharedResponder<'_> {
    fn share(&self) -> Arc<Mutex<ResponderSlot>> {
        let slot = self.slot();
        lock(&slot).by_hand = true;
        slot
    }

    fn cancellation(&self) -> Option<CancellationToken> {
        match &mut *lock(&self.0) {
            ResponderHolder::Ours(responder) => Some(responder.cancellation()),
            ResponderHolder::Shared(slot) => lock(slot).responder.as_mut().map(Responder::cancellation),
            ResponderHolder::Nobody => None,
        }
    }
}

/// The right to answer, lent to a handler that is called later than its event came.
#[derive(Debug)]
pub(crate) struct LentResponder(Arc<Mutex<ResponderSlot>>);

impl Share for LentResponder {
    fn share(&self) -> Arc<Mutex<ResponderSlot>> {
        lock(&self.0).by_hand = true;
        Arc::clone(&self.0)
    }

    fn cancellation(&self) -> Option<CancellationToken> {
        lock(&self.0).responder.as_mut().map(Responder::cancellation)
    }
}

/// Takes the right to answer; `None` where somebody already had it.
pub(crate) fn take(slot: &Mutex<ResponderSlot>) -> Option<Responder<'static>> {
    lock(slot).responder.take()
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // No user code runs under these locks, so a poisoned lock still guards whole data.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
