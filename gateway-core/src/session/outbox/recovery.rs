//! Events kept for recovery.

use tokio::time::Instant;

use crate::protocol::{Encoded, OffsetNumber};
use crate::session::outbox::queue::{Queue, RecoveryState};
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
        if is_here && !queue.is_closed() {
            self.forget_older(&mut queue, &frame);
        }
        let kept = keep(&mut queue, offset, &frame);
        match queue.recovery_state {
            _ if kept == Kept::Before => Ok(Ok(Pushed::WillBeWritten)),
            RecoveryState::Away if kept == Kept::Now => Ok(Ok(Pushed::WillBeWritten)),
            RecoveryState::Away => Ok(Err(SendError::Closed)),
            RecoveryState::Here | RecoveryState::Back if queue.is_closed() => Ok(Err(SendError::Closed)),
            RecoveryState::Here | RecoveryState::Back => {
                Ok(self.push_first_of_held(queue, sent.unwrap_or(frame), Delivery::Event))
            }
        }
    }

    /// Queues a volatile frame that carries `latest` as the offset of the last event before it. Returns the current number if
    /// another event was queued meanwhile.
    pub(crate) fn push_behind(
        &self,
        latest: OffsetNumber,
        frame: Encoded,
        listed: Leaves,
    ) -> Result<Result<Pushed, SendError>, OffsetNumber> {
        let queue = match self.lock_listed(listed) {
            Ok(queue) => queue,
            Err(error) => return Ok(Err(error)),
        };
        match queue.replay().map(Replay::latest) {
            Some(other) if other != latest => Err(other),
            Some(_) | None => Ok(self.push_into(queue, frame, Delivery::Volatile)),
        }
    }

    /// The position of the last event with an offset; `None` without recovery.
    pub(crate) fn latest_offset(&self) -> Option<OffsetNumber> {
        self.lock().replay().map(Replay::latest)
    }

    /// Starts to keep events for recovery.
    pub(crate) fn record(&self, recovery: &Recovery, before: OffsetNumber) {
        self.lock().rare().replay = Some(Replay::new(recovery, before));
    }

    /// Removes events that a connected client can no longer miss.
    pub(crate) fn forget_old_events(&self) {
        let mut queue = self.lock();
        if queue.recovery_state == RecoveryState::Here
            && let Some(replay) = queue.replay_mut()
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

    /// Keeps all events of a session that is taken over from another node, until [`Outbox::catch_up`].
    pub(crate) fn wait_for_log(&self) {
        self.lock().recovery_state = RecoveryState::Away;
    }

    /// Begins to write to a client that comes from another node: the events that it missed, those that arrived while they were
    /// read from the log, once each, then the greeting, then everything else.
    pub(crate) fn catch_up(&self, missed: Vec<(Offset, Encoded)>, greeting: Encoded) {
        let mut queue = self.lock();
        let Some(rare) = &mut queue.rare else { return };
        let Some(replay) = &mut rare.replay else { return };
        replay.put_before(missed);
        let events: Vec<_> = replay.frames().cloned().collect();
        let others = std::mem::take(&mut queue.waiting);
        for frame in events {
            queue.waiting.push(frame, Delivery::Event);
        }
        if !greeting.is_nothing() {
            queue.waiting.push(greeting, Delivery::Answer);
        }
        queue.waiting.absorb(others);
        queue.recovery_state = RecoveryState::Here;
        self.update_high_water(&mut queue);
    }
}

/// Outcome of keeping an event for recovery.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kept {
    Now,
    /// The client has the event already: it was read from the log before it arrived.
    Before,
    /// Events of this socket are not kept.
    Never,
}

/// Keeps an event for recovery.
pub(super) fn keep(queue: &mut Queue, offset: Offset, frame: &Encoded) -> Kept {
    let is_here = queue.recovery_state == RecoveryState::Here;
    let Some(replay) = queue.replay_mut() else { return Kept::Never };
    if replay.has_reached(offset) {
        return Kept::Before;
    }
    if is_here {
        replay.forget_old(offset.at());
    }
    replay.push(offset, frame.clone());
    Kept::Now
}
