//! Frames behind an event whose offset is awaited. They wait outside of the queue that is written, which therefore knows
//! nothing of them: a socket without such an event pays nothing.

use std::sync::Arc;

use crate::metrics::Counter;
use crate::protocol::Encoded;
use crate::session::outbox::held_frames::{HeldFrame, Stamp};
use crate::session::outbox::queue::{Gate, Queue, RecoveryState};
use crate::session::outbox::recovery::{Kept, keep};
use crate::session::outbox::{AlreadyResumed, Delivery, Leaves, Outbox, Pushed, SendError};
use crate::session::replay::Offset;
use crate::session::{DisconnectReason, LoggedEvent};

impl Outbox {
    /// Keeps a place for an event whose offset is awaited. What is pushed later waits behind it. Each accepted place is filled
    /// by [`Outbox::fill`].
    pub(crate) fn hold(
        &self,
        event: &Arc<LoggedEvent>,
        listed: Leaves,
    ) -> Result<Result<(), SendError>, AlreadyResumed> {
        let mut queue = match self.lock_listed(listed) {
            Ok(queue) => queue,
            Err(error) => return Ok(Err(error)),
        };
        match queue.recovery_state {
            RecoveryState::Back => return Err(AlreadyResumed(Encoded::nothing())),
            // The event is kept when its offset is known.
            RecoveryState::Away if queue.replay().is_some() => return Ok(Ok(())),
            RecoveryState::Away => return Ok(Err(SendError::Closed)),
            RecoveryState::Here => {}
        }
        if queue.is_closed() {
            return Ok(Err(SendError::Closed));
        }
        Ok(self.push_held(&mut queue, HeldFrame::Awaited(Arc::clone(event))))
    }

    /// Gives an event its offset: the event is kept for recovery and takes its place in the queue, with what waited behind it.
    /// A socket without a place for the event gets it before what waits. With `is_sent` the event went out already without
    /// its offset, and is kept only.
    pub(crate) fn fill(
        &self,
        event: &Arc<LoggedEvent>,
        (frame, sent): (Encoded, Option<Encoded>),
        offset: Offset,
        is_sent: bool,
    ) -> Result<Pushed, AlreadyResumed> {
        let mut queue = self.lock();
        if queue.recovery_state == RecoveryState::Back {
            return Err(AlreadyResumed(frame));
        }
        let is_here = queue.recovery_state == RecoveryState::Here;
        if is_here && !is_sent {
            self.forget_older(&mut queue, &frame);
        }
        let kept = keep(&mut queue, offset, &frame);
        if !is_here || is_sent || kept == Kept::Before {
            return Ok(Pushed::WillBeWritten);
        }
        let frame = sent.unwrap_or(frame);
        let held = queue.rare.as_mut().map(|rare| &mut rare.held).filter(|held| !held.is_empty());
        let has_place = held.is_some_and(|held| held.replace(event, HeldFrame::Ready(frame.clone(), Delivery::Event)));
        if has_place {
            self.let_go(&mut queue);
        } else if !queue.is_closed() {
            // A client that reads too slowly is told as for any other event.
            let _ = self.insert(&mut queue, frame, Delivery::Event);
            self.tell_end(&queue);
        }
        Ok(queue.mark())
    }

    /// Lets an event go without its offset, with what waited behind it.
    pub(crate) fn release(&self, event: &Arc<LoggedEvent>) -> Pushed {
        let mut queue = self.lock();
        let held = queue.rare.as_mut().map(|rare| &mut rare.held);
        if held.is_some_and(|held| held.replace(event, HeldFrame::Released(Arc::clone(event)))) {
            self.let_go(&mut queue);
            return queue.mark();
        }
        Pushed::WillBeWritten
    }

    /// Queues a frame that carries the offset of the last event before it.
    pub(crate) fn push_stamped(&self, stamp: Stamp, delivery: Delivery, listed: Leaves) -> Result<Pushed, SendError> {
        let mut queue = self.lock_listed(listed)?;
        if queue.gate == Gate::Holding && delivery != Delivery::Volatile {
            return self.push_held(&mut queue, HeldFrame::Stamped(stamp, delivery)).map(|()| Pushed::WillBeWritten);
        }
        let latest = queue.latest_position();
        self.push_into(queue, stamp(latest), delivery)
    }

    /// Pushes to a closed queue, or behind frames that wait.
    #[cold]
    pub(super) fn push_gated(
        &self,
        queue: &mut Queue,
        frame: Encoded,
        delivery: Delivery,
    ) -> Result<Pushed, SendError> {
        if queue.is_closed() {
            return Err(SendError::Closed);
        }
        if delivery == Delivery::Volatile {
            self.telemetry.counters.add(Counter::DroppedFrames);
            return Err(SendError::Full);
        }
        self.push_held(queue, HeldFrame::Ready(frame, delivery)).map(|()| Pushed::WillBeWritten)
    }

    fn push_held(&self, queue: &mut Queue, frame: HeldFrame) -> Result<(), SendError> {
        let held = &mut queue.rare().held;
        if held.size() + frame.bytes() > self.burst && !held.is_empty() {
            self.end_too_slow(queue);
            self.tell_end(queue);
            return Err(SendError::Full);
        }
        held.push(frame);
        queue.gate = Gate::Holding;
        Ok(())
    }

    /// Moves frames from the front to the queue that is written, up to the next event without an offset.
    fn let_go(&self, queue: &mut Queue) {
        while let Some(frame) = queue.rare.as_mut().and_then(|rare| rare.held.pop_ready()) {
            let (frame, delivery) = frame.into_frame(self.format, queue.latest_position());
            if queue.is_closed() {
                // Accepted before the end, so it is sent before it.
                queue.waiting.push(frame, delivery);
            } else {
                // A failure ends the connection, and the rest with it.
                let _ = self.insert(queue, frame, delivery);
            }
        }
        self.tell_end(queue);
        self.stop_holding(queue);
    }

    fn stop_holding(&self, queue: &mut Queue) {
        let is_over = queue.rare.as_ref().is_none_or(|rare| rare.held.is_empty());
        if is_over && queue.gate == Gate::Holding {
            queue.gate = Gate::Open;
            queue.forget_rare();
        }
        self.update_high_water(queue);
    }

    /// Settles what waits at the end of a connection: a client that may come back gets its events from the log, any other
    /// gets them now, without offsets.
    pub(super) fn settle_held(&self, queue: &mut Queue) {
        let Some(rare) = queue.rare.as_mut().filter(|rare| !rare.held.is_empty()) else { return };
        let held = std::mem::take(&mut rare.held);
        let is_stopping = matches!(rare.end, Some((DisconnectReason::Shutdown, _)));
        let may_come_back = queue.recovery_state != RecoveryState::Here || is_stopping;
        let latest = queue.latest_position();
        for frame in held.frames {
            if !(may_come_back && matches!(frame, HeldFrame::Awaited(_))) {
                let (frame, delivery) = frame.into_frame(self.format, latest);
                queue.waiting.push(frame, delivery);
            }
        }
        self.stop_holding(queue);
    }
}
