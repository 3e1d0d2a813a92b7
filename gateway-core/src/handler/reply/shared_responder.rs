//! Shared ownership of the right to answer while a handler runs, by the framework and an [`Ack`](crate::extract::Ack).

use std::mem;
use std::sync::{Arc, Mutex};

use tokio_util::sync::CancellationToken;

use crate::error::Exception;
use crate::handler::reply::responder::{Finished, Responder};
use crate::handler::{Outcome, Reply};
use crate::protocol::RequestId;
use crate::sync::{lock, unpoisoned};

/// The responder of a handler, held by the framework alone or also by the handler's [`Ack`](crate::extract::Ack).
#[derive(Debug)]
pub(crate) struct SharedResponder<'a>(Mutex<ResponderHolder<'a>>);

#[derive(Debug)]
enum ResponderHolder<'a> {
    Ours(Responder<'a>),
    Shared(Arc<Mutex<ResponderSlot>>),
    Nobody,
}

/// A responder with several holders; the first to answer takes it.
#[derive(Debug, Default)]
pub(crate) struct ResponderSlot {
    responder: Option<Responder<'static>>,
    /// Set if the handler answers by its [`Ack`](crate::extract::Ack).
    by_hand: bool,
}

impl<'a> SharedResponder<'a> {
    pub(crate) fn new(responder: Responder<'a>) -> Self {
        Self(Mutex::new(ResponderHolder::Ours(responder)))
    }

    fn into_inner(self) -> ResponderHolder<'a> {
        unpoisoned(self.0.into_inner())
    }

    /// Converts into an owned responder, for a handler that has not returned yet.
    pub(crate) fn into_owned(self) -> SharedResponder<'static> {
        SharedResponder(Mutex::new(match self.into_inner() {
            ResponderHolder::Ours(responder) => ResponderHolder::Ours(responder.into_owned()),
            ResponderHolder::Shared(slot) => ResponderHolder::Shared(slot),
            ResponderHolder::Nobody => ResponderHolder::Nobody,
        }))
    }

    /// Lends the responder to a handler that is called later.
    pub(crate) fn handle(&self) -> LentResponder {
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

    /// Makes the handler's failure the answer, even if the handler has an `Ack`.
    pub(crate) fn reclaim(&self) {
        if let ResponderHolder::Shared(slot) = &*lock(&self.0) {
            lock(slot).by_hand = false;
        }
    }

    /// Cancels the handler's work elsewhere when the framework ends the handler.
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

    /// Answers with the handler's return value.
    pub(crate) fn finish(self, reply: Reply) -> Finished {
        match (self.into_inner(), reply.0) {
            (ResponderHolder::Ours(responder), outcome) => return responder.finish(Reply(outcome)),
            (ResponderHolder::Shared(slot), outcome) => {
                let mut slot = lock(&slot);
                // With an `Ack` only a failure is an answer.
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

/// The source of an [`Ack`](crate::extract::Ack) and a [`Cancellation`](crate::extract::Cancellation).
pub(crate) trait Share: Sync {
    /// Lets the handler answer by itself.
    fn share(&self) -> Arc<Mutex<ResponderSlot>>;

    /// A token cancelled when the answer is no longer needed.
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

/// A responder lent to a handler that is called later.
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

/// Takes the responder; `None` if it was already taken.
pub(crate) fn take(slot: &Mutex<ResponderSlot>) -> Option<Responder<'static>> {
    lock(slot).responder.take()
}
