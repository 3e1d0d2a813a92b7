//! How a client that lost its connection becomes the same socket again: a new session takes the old one's place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::session::outbox::{CameBack, Pushed};
use crate::session::{Offset, Recovery, SendError, Session, SocketId, batch};
use crate::wire::Encoded;

/// What a session that can come back has beside.
#[derive(Debug)]
pub(crate) struct Comeback {
    /// What its client names to come back: known to nobody else, unlike the id of its socket.
    pub(crate) key: SocketId,
    /// Whether it is one that came back.
    recovered: bool,
    away: AtomicBool,
    successor: Mutex<Weak<Session>>,
}

impl Comeback {
    fn new(key: SocketId, recovered: bool) -> Self {
        Self { key, recovered, away: AtomicBool::new(false), successor: Mutex::default() }
    }
}

impl Session {
    /// The same, to be found again by its client when its connection is lost.
    pub(crate) fn with_recovery(mut self, recovery: &Recovery) -> Self {
        self.outbox.record(recovery);
        self.comeback = Some(Box::new(Comeback::new(SocketId::random(), false)));
        self
    }

    /// The same, in the place of one whose connection was lost: with its id, its state, and what its client has missed
    /// since `offset`. `None` where that is not known any more.
    pub(crate) fn in_place_of(mut self, lost: &Self, offset: &str) -> Option<Arc<Self>> {
        let comeback = lost.comeback.as_ref()?;
        self.id = lost.id.clone();
        self.state = lost.state.copy();
        self.comeback = Some(Box::new(Comeback::new(comeback.key.clone(), true)));
        let session = Arc::new(self);
        // What is pushed to the lost one from then on finds its way.
        let name = || *comeback.successor.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&session);
        session.outbox.follow(&lost.outbox, offset, name).then(|| Arc::clone(&session))
    }

    /// The connection is lost. Says whether the client may come back; then what is sent to it is kept.
    pub(crate) fn go_away(&self) -> bool {
        let Some(comeback) = self.comeback.as_ref().filter(|_| self.outbox.go_away()) else { return false };
        comeback.away.store(true, Ordering::Release);
        true
    }

    pub(crate) fn is_away(&self) -> bool {
        self.comeback.as_ref().is_some_and(|comeback| comeback.away.load(Ordering::Acquire))
    }

    pub(crate) fn is_recovered(&self) -> bool {
        self.comeback.as_ref().is_some_and(|comeback| comeback.recovered)
    }

    /// Queues one event; it goes out at the end of the sender's batch of work.
    pub(crate) fn push_event(self: &Arc<Self>, frame: Encoded, offset: Offset) -> Result<(), SendError> {
        if self.queue_event(frame, offset)? == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
        Ok(())
    }

    /// Queues one event, for the caller to mark, and keeps it for a client that comes back, in the same step.
    pub(crate) fn queue_event(&self, frame: Encoded, offset: Offset) -> Result<Pushed, SendError> {
        match self.outbox.push_numbered(frame, offset) {
            Ok(pushed) => pushed,
            Err(CameBack(frame)) => {
                let successor = self.successor().ok_or(SendError::Closed)?;
                successor.push_event(frame, offset).map(|()| Pushed::WillBeWritten)
            }
        }
    }

    fn successor(&self) -> Option<Arc<Self>> {
        let comeback = self.comeback.as_ref()?;
        comeback.successor.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

#[cfg(all(test, shuttle))]
mod model;
