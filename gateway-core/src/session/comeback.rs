//! How a client that lost its connection becomes the same socket again: a new session takes the old one's place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::session::outbox::{CameBack, Pushed};
use crate::session::{Leaves, Offset, Offsets, Recovery, SendError, Session, SocketId, batch};
use crate::wire::{Encoded, Outgoing};

/// What a session that can come back has beside.
#[derive(Debug)]
pub(crate) struct Comeback {
    /// What its client names to come back: known to nobody else, unlike the id of its socket.
    pub(crate) key: SocketId,
    offsets: Arc<Offsets>,
    /// Whether it is one that came back.
    recovered: bool,
    away: AtomicBool,
    successor: Mutex<Weak<Session>>,
}

impl Comeback {
    fn new(key: SocketId, offsets: &Arc<Offsets>, recovered: bool) -> Self {
        let offsets = Arc::clone(offsets);
        Self { key, offsets, recovered, away: AtomicBool::new(false), successor: Mutex::default() }
    }
}

impl Session {
    /// The same, to be found again by its client when its connection is lost.
    pub(crate) fn with_recovery(mut self, recovery: &Recovery, offsets: &Arc<Offsets>) -> Self {
        self.outbox.record(recovery);
        self.comeback = Some(Box::new(Comeback::new(SocketId::random(), offsets, false)));
        self
    }

    /// The same, in the place of one whose connection was lost: with its id, its state, and what its client has missed
    /// since `offset`. `None` where that is not known any more.
    pub(crate) fn in_place_of(mut self, lost: &Self, offset: &str) -> Option<Arc<Self>> {
        let comeback = lost.comeback.as_ref()?;
        self.id = lost.id.clone();
        self.state = lost.state.copy();
        self.comeback = Some(Box::new(Comeback::new(comeback.key.clone(), &comeback.offsets, true)));
        let greeting = self.greeting();
        let session = Arc::new(self);
        // What is pushed to the lost one from then on finds its way.
        let name = || *comeback.successor.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&session);
        session.outbox.follow(&lost.outbox, offset, greeting, name).then(|| Arc::clone(&session))
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

    /// The offset of an answer that is an event to this client, where it can come back: a client takes the last text of
    /// every event for its offset.
    pub(crate) fn number(&self, outgoing: &Outgoing<'_>) -> Option<Offset> {
        let comeback = self.comeback.as_ref().filter(|_| self.outbox.format.is_numbered(outgoing))?;
        comeback.offsets.next()
    }

    /// The frames of what has an offset, and those that go with it and have none.
    pub(crate) fn encode_numbered(&self, outgoing: &Outgoing<'_>, offset: Offset) -> [Encoded; 2] {
        let [event, other] = self.outbox.format.encode_numbered(self.terms(), outgoing, &offset.to_string());
        [event.into_shared(), other]
    }

    /// Queues one event; it goes out at the end of the sender's batch of work.
    pub(crate) fn push_event(self: &Arc<Self>, frame: Encoded, offset: Offset) -> Result<(), SendError> {
        let sent = self.outbox.deflating().and_then(|how| frame.deflated(how));
        if self.queue_event(frame, sent, offset, Leaves::ANY)? == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
        Ok(())
    }

    /// Queues one event, for the caller to mark, and keeps it for a client that comes back, in the same step. `sent` is its
    /// compressed form, where it has one.
    pub(crate) fn queue_event(
        &self,
        frame: Encoded,
        sent: Option<Encoded>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        match self.outbox.push_numbered(frame, sent, offset, listed) {
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
