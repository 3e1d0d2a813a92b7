//! Events kept for recovery.

use tokio::time::Instant;

use crate::protocol::Encoded;
use crate::session::outbox::queue::RecoveryState;
use crate::session::outbox::{Delivery, Leaves, Outbox, Pushed, SendError};
use crate::session::replay::{Offset, Recovery, Replay};

/// A frame pushed after its client resumed, to be forwarded to the new session.
#[derive(Debug)]
pub(crate) struct AlreadyResumed(pub(crate) Encoded);

/// Result of ending a session's recovery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RecoveryEnd {
    /// The client can no longer resume.
    Now,
    /// The client has already resumed: its new session must end.
    TooLate,
}

impl Outbox {
    /// Queues an event and keeps it for recovery in one step. `sent` is its compressed form, if any.
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

    /// Queues a volatile frame that carries `latest` as the offset of the last event before it. Returns the current number if
    /// another event was queued meanwhile.
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

    /// The number of the last numbered event; `None` without recovery.
    pub(crate) fn latest_offset(&self) -> Option<u64> {
        self.lock().replay().map(Replay::latest)
    }

    /// Starts to keep events for recovery.
    pub(crate) fn record(&self, recovery: &Recovery) {
        self.lock().rare().replay = Some(Replay::new(recovery));
    }

    /// Removes events that a connected client can no longer miss.
    pub(crate) fn forget_old_events(&self) {
        let mut queue = self.lock();
        if queue.recovery_state == RecoveryState::Here
            && let Some(replay) = queue.rare.as_mut().and_then(|rare| rare.replay.as_mut())
        {
            replay.forget_old(Instant::now());
        }
    }

    /// Marks the connection as lost. Returns `true` if events are kept from now on.
    pub(crate) fn mark_disconnected(&self) -> bool {
        let mut queue = self.lock();
        if queue.replay().is_none() || queue.recovery_state == RecoveryState::Back {
            return false;
        }
        queue.recovery_state = RecoveryState::Away;
        queue.direct = None;
        true
    }

    /// Ends recovery: the client cannot resume any more.
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

    /// Takes over the missed events since `offset`, and the log, from the client's earlier outbox. Returns `false` without any
    /// change if the missed events are no longer kept. `greeting` follows the missed events, as the client expects.
    /// `before_others` runs while both queues are locked.
    pub(crate) fn take_over(
        &self,
        earlier: &Self,
        offset: &str,
        greeting: Encoded,
        before_others: impl FnOnce(),
    ) -> bool {
        // Lock order: the older outbox first; no other code locks two.
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
