//! Events that are kept for a client that may lose its connection and resume.

use tokio::time::Instant;

use crate::protocol::Encoded;
use crate::session::outbox::queue::RecoveryState;
use crate::session::outbox::{Delivery, Leaves, Outbox, Pushed, SendError};
use crate::session::replay::{Offset, Recovery, Replay};

/// A frame came after its client resumed: its new session must get it.
#[derive(Debug)]
pub(crate) struct AlreadyResumed(pub(crate) Encoded);

/// Result of ending a session's recovery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecoveryEnd {
    /// Its client cannot resume any more.
    Now,
    /// Its client resumed already: its new session must end.
    TooLate,
}

impl Outbox {
    /// Queues an event, and keeps it for a client that resumes, in one step. `sent` is its compressed form, where it has
    /// one.
    pub(crate) fn push_numbered(
        &self,
        frame: Encoded,
        sent: Option<Encoded>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Result<Pushed, SendError>, AlreadyResumed> {
        let mut queue = match self.lock_listed(listed) {
            Ok(queue) => queue,
            Err(error) => return Ok(Err(error)),
        };
        if queue.recovery_state == RecoveryState::Back {
            return Err(AlreadyResumed(frame));
        }
        let is_here = queue.recovery_state == RecoveryState::Here;
        if is_here && !queue.closed {
            self.forget_older(&mut queue, &frame);
        }
        let replay = queue.rare.as_mut().and_then(|rare| rare.replay.as_mut());
        let is_kept = replay.is_some();
        if let Some(replay) = replay {
            if is_here {
                replay.forget_old(offset.at());
            }
            replay.push(offset, frame.clone());
        }
        match queue.recovery_state {
            RecoveryState::Away if is_kept => Ok(Ok(Pushed::WillBeWritten)),
            RecoveryState::Away => Ok(Err(SendError::Closed)),
            RecoveryState::Here | RecoveryState::Back => {
                Ok(self.push_into(queue, sent.unwrap_or(frame), Delivery::Event))
            }
        }
    }

    /// Queues a volatile frame that names `latest` as the last event before it. Gives the number of the last event, where
    /// another was queued meanwhile.
    pub(crate) fn push_behind(
        &self,
        latest: u64,
        frame: Encoded,
        listed: Leaves,
    ) -> Result<Result<Pushed, SendError>, u64> {
        let queue = match self.lock_listed(listed) {
            Ok(queue) => queue,
            Err(error) => return Ok(Err(error)),
        };
        match queue.replay().map(Replay::latest) {
            Some(other) if other != latest => Err(other),
            Some(_) | None => Ok(self.push_into(queue, frame, Delivery::Volatile)),
        }
    }

    /// The number of the last event that counts; `None` where none do.
    pub(crate) fn latest_offset(&self) -> Option<u64> {
        self.lock().replay().map(Replay::latest)
    }

    /// Keeps the events of a client that may resume.
    pub(crate) fn record(&self, recovery: &Recovery) {
        self.lock().rare().replay = Some(Replay::new(recovery));
    }

    /// Forgets events that are too old for a client that is here to miss them.
    pub(crate) fn forget_old_events(&self) {
        let mut queue = self.lock();
        if queue.recovery_state == RecoveryState::Here
            && let Some(replay) = queue.rare.as_mut().and_then(|rare| rare.replay.as_mut())
        {
            replay.forget_old(Instant::now());
        }
    }

    /// The connection is lost. What is pushed from now on is kept, where it is recorded; says whether it is.
    pub(crate) fn mark_disconnected(&self) -> bool {
        let mut queue = self.lock();
        if queue.replay().is_none() || queue.recovery_state == RecoveryState::Back {
            return false;
        }
        queue.recovery_state = RecoveryState::Away;
        queue.direct = None;
        true
    }

    /// Forgets what its client could resume for.
    pub(crate) fn bar(&self) -> RecoveryEnd {
        let mut queue = self.lock();
        if queue.recovery_state == RecoveryState::Back {
            return RecoveryEnd::TooLate;
        }
        if let Some(rare) = &mut queue.rare {
            rare.replay = None;
        }
        RecoveryEnd::Now
    }

    /// Takes over what the client of another connection has missed since `offset`, and what it may miss again. `false` where
    /// that is not known; then nothing happens. Behind it comes `greeting`: the client takes it all for what it has missed
    /// only if it is told so last. `before_others` runs while nobody else can push to either.
    pub(crate) fn take_over(
        &self,
        earlier: &Self,
        offset: &str,
        greeting: Encoded,
        before_others: impl FnOnce(),
    ) -> bool {
        // Always the older one first, and nobody holds two otherwise.
        let mut old = earlier.lock();
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
        old.recovery_state = RecoveryState::Back;
        old.direct = None;
        true
    }
}
