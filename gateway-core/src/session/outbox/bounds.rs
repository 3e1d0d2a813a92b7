//! Bounds of the frames queued for one client.

use std::sync::atomic::Ordering;

use crate::limits::Overflow;
use crate::metrics::Counter;
use crate::session::DisconnectReason;
use crate::session::outbox::held_frames::PLACE;
use crate::session::outbox::queue::{Burst, Queue};
use crate::session::outbox::{Delivery, Outbox, Scope, SendError};

impl Outbox {
    /// Makes room for a frame. A client is slow if its transport was offered the queue and accepted no more. Frames queued in
    /// the current turn were not offered yet: they are written if possible, or else count as a burst. Then the overflow policy
    /// decides.
    #[cold]
    pub(super) fn make_room(&self, queue: &mut Queue, bytes: usize, delivery: Delivery) -> Result<(), SendError> {
        self.flush_now(queue);
        if self.fits_as(queue, bytes, delivery) {
            return Ok(());
        }
        if delivery == Delivery::Event && self.may_burst(queue, bytes) {
            return Ok(());
        }
        if self.overflow == Overflow::DropOldest && delivery != Delivery::Volatile {
            while !self.fits(queue, bytes) && queue.waiting.drop_oldest() {
                self.telemetry.counters.add(Counter::DroppedFrames);
            }
            self.update_high_water(queue);
            if self.fits(queue, bytes) {
                return Ok(());
            }
        }
        let is_too_slow = match delivery {
            // Reading stops above the bounds, so only handlers that already run can answer.
            Delivery::Answer => {
                if self.grow(queue, bytes) {
                    return Ok(());
                }
                true
            }
            Delivery::Event => self.overflow == Overflow::Close,
            Delivery::Volatile => false,
        };
        if is_too_slow {
            self.end_too_slow(queue);
        } else {
            self.telemetry.counters.add(Counter::DroppedFrames);
        }
        Err(SendError::Full)
    }

    #[inline]
    pub(super) fn fits_as(&self, queue: &Queue, bytes: usize, delivery: Delivery) -> bool {
        match delivery {
            Delivery::Volatile => queue.waiting.is_empty(),
            Delivery::Answer | Delivery::Event => self.fits(queue, bytes),
        }
    }

    /// Returns `true` if another frame belongs to a burst: the transport refused nothing of the queue, or the sending turn
    /// began within the bounds. While a burst is written, a quarter of the bounds may follow it.
    fn may_burst(&self, queue: &mut Queue, bytes: usize) -> bool {
        let (messages, waits) = (queue.waiting.len(), queue.waiting.bytes());
        let begins_turn = !queue.marked;
        if queue.is_refused() {
            match queue.rare.as_mut().and_then(|rare| rare.burst.as_mut()) {
                None if begins_turn => return false,
                None => {}
                Some(burst) => {
                    burst.is_over |= begins_turn;
                    if burst.is_over {
                        return messages < burst.messages.saturating_add(self.frames / 4)
                            && waits + bytes <= burst.bytes + self.bytes as usize / 4;
                    }
                }
            }
        }
        self.grow(queue, bytes)
    }

    /// Adds a frame to a burst, if allowed.
    fn grow(&self, queue: &mut Queue, bytes: usize) -> bool {
        let may = size(queue) + bytes <= self.burst;
        if may {
            let (messages, waits) = (queue.waiting.len(), queue.waiting.bytes());
            queue.rare().burst = Some(Burst { messages: messages + 1, bytes: waits + bytes, is_over: false });
        }
        may
    }

    /// Ends the connection if the queue exceeds the maximum of a burst.
    pub(super) fn bound(&self, queue: &mut Queue) {
        if size(queue) > self.burst {
            self.end_too_slow(queue);
        }
    }

    pub(super) fn end_too_slow(&self, queue: &mut Queue) {
        queue.rare().end = Some((DisconnectReason::TooSlow, Scope::Connection));
        queue.close();
        self.ending.store(true, Ordering::Release);
        self.telemetry.counters.add(Counter::SlowDisconnects);
    }

    /// Returns `true` if a frame fits. A frame of any size fits into an empty queue, as its size is bounded on creation.
    #[inline]
    pub(super) fn fits(&self, queue: &Queue, bytes: usize) -> bool {
        let waiting = &queue.waiting;
        waiting.is_empty() || (waiting.len() < self.frames && waiting.bytes() + bytes <= self.bytes as usize)
    }

    /// Returns `true` if the queue is below its high-water mark.
    pub(crate) fn is_light(&self) -> bool {
        !self.heavy.load(Ordering::Relaxed)
    }

    /// Returns `true` if reading must wait until the queue is shorter. The task that writes then wakes the connection's task.
    pub(crate) fn holds_back(&self) -> bool {
        if self.is_light() {
            return false;
        }
        let mut queue = self.lock();
        queue.held_back = !self.is_light();
        queue.held_back
    }

    /// Updates the high-water flag. Call after a change of the queue, before the lock is released.
    #[inline]
    pub(super) fn update_high_water(&self, queue: &mut Queue) {
        // A closed queue only drains, so no task needs to wait for it.
        let is_heavy = self.is_much(queue) && !queue.is_closed();
        if is_heavy == self.is_light() {
            self.heavy.store(is_heavy, Ordering::Relaxed);
            if !is_heavy {
                self.lighten(queue);
            }
        }
    }

    /// As [`update_high_water`](Outbox::update_high_water), after a frame was added to an open queue.
    #[inline]
    pub(super) fn raise_high_water(&self, queue: &Queue) {
        if self.is_much(queue) {
            self.heavy.store(true, Ordering::Relaxed);
        }
    }

    /// Returns `true` if the queue stays below its high-water mark with one more frame.
    #[inline]
    pub(super) fn stays_light(&self, queue: &Queue, bytes: usize) -> bool {
        queue.waiting.len() < self.frames / 2 && queue.waiting.bytes() + bytes <= self.bytes as usize / 16
    }

    #[inline]
    fn is_much(&self, queue: &Queue) -> bool {
        queue.waiting.len() > self.frames / 2 || queue.waiting.bytes() > self.bytes as usize / 16
    }

    #[cold]
    fn lighten(&self, queue: &mut Queue) {
        queue.forget_burst();
        if std::mem::take(&mut queue.held_back) {
            self.reader.wake();
        }
    }

    /// Returns `true` if the queue exceeds the bounds, as with an unwritten burst.
    pub(crate) fn is_beyond_bounds(&self) -> bool {
        if self.is_light() {
            return false;
        }
        let queue = self.lock();
        queue.waiting.len() > self.frames || queue.waiting.bytes() > queue.waiting.first_len().max(self.bytes as usize)
    }

    /// Number of queued messages and bytes.
    pub(crate) fn load(&self) -> (u32, usize) {
        let queue = self.lock();
        (queue.waiting.len(), queue.waiting.bytes())
    }

    /// Returns `true` if a frame of usual size would fit now.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.is_closed() || self.fits(&queue, 1024)
    }
}

/// Queued bytes with the overhead per frame.
fn size(queue: &Queue) -> usize {
    queue.waiting.bytes() + queue.waiting.len() as usize * PLACE
}
