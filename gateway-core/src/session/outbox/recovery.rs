//! Events that are kept for a client that may lose its connection and come back.

use crate::session::outbox::queue::Whereabouts;
use crate::session::outbox::{Delivery, Leaves, Outbox, Pushed, SendError};
use crate::session::replay::{Offset, Recovery, Replay};
use crate::wire::Encoded;

/// A frame came after its client came back: its new session must get it.
#[derive(Debug)]
pub(crate) struct CameBack(pub(crate) Encoded);

impl Outbox {
    /// Queues an event, and keeps it for a client that comes back, in one step. `sent` is its compressed form, where it has
    /// one.
    pub(crate) fn push_numbered(
        &self,
        frame: Encoded,
        sent: Option<Encoded>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Result<Pushed, SendError>, CameBack> {
        let mut queue = match self.lock_listed(listed) {
            Ok(queue) => queue,
            Err(error) => return Ok(Err(error)),
        };
        if queue.whereabouts == Whereabouts::Back {
            return Err(CameBack(frame));
        }
        if queue.whereabouts == Whereabouts::Here && !queue.closed {
            self.forget_older(&mut queue, &frame);
        }
        if let Some(replay) = queue.rare.as_mut().and_then(|rare| rare.replay.as_mut()) {
            replay.push(offset, frame.clone());
        }
        if queue.whereabouts == Whereabouts::Away {
            return Ok(Ok(Pushed::WillBeWritten));
        }
        Ok(self.push_into(queue, sent.unwrap_or(frame), Delivery::Event))
    }

    /// Keeps the events of a client that may come back.
    pub(crate) fn record(&self, recovery: &Recovery) {
        self.lock().rare().replay = Some(Replay::new(recovery));
    }

    /// The connection is lost. What is pushed from now on is kept, where it is recorded; says whether it is.
    pub(crate) fn go_away(&self) -> bool {
        let mut queue = self.lock();
        if queue.replay().is_some() {
            queue.whereabouts = Whereabouts::Away;
            queue.direct = None;
        }
        queue.replay().is_some()
    }

    /// Takes over what a lost connection's client has missed since `offset`, and what it may miss again. `false` where
    /// that is not known; then nothing happens. Behind it comes `greeting`: the client takes it all for what it has missed
    /// only if it is told so last. `before_others` runs while nobody else can push to either.
    pub(crate) fn follow(&self, lost: &Self, offset: &str, greeting: Encoded, before_others: impl FnOnce()) -> bool {
        // Always the older one first, and nobody holds two otherwise.
        let mut old = lost.lock();
        if old.whereabouts != Whereabouts::Away {
            return false;
        }
        let mut new = self.lock();
        let Some(missed) = old.replay().and_then(|replay| replay.since(offset)) else { return false };
        for frame in missed {
            new.waiting.push(frame.clone(), Delivery::Event);
        }
        if !greeting.is_nothing() {
            new.waiting.push(greeting, Delivery::Answer);
        }
        new.rare().replay = old.rare().replay.take();
        before_others();
        old.whereabouts = Whereabouts::Back;
        true
    }
}
