//! Bounds of the frames that wait for one client.

use std::sync::atomic::Ordering;

use crate::limits::Overflow;
use crate::metrics::Counter;
use crate::session::DisconnectReason;
use crate::session::outbox::queue::{Burst, Queue};
use crate::session::outbox::{Delivery, Outbox, Scope, SendError};

/// Bytes that a frame of a burst counts beside its own.
const PLACE: usize = 64;

impl Outbox {
    /// Slow is a client whose transport was offered what waits and took no more. What one turn queues was offered to nobody
    /// yet: it is written first, where that can be done here, and else is a burst. Then the policy decides.
    #[cold]
    pub(super) fn make_room(&self, queue: &mut Queue, bytes: usize, delivery: Delivery) -> Result<(), SendError> {
        self.write_ahead(queue);
        if self.fits_as(queue, bytes, delivery) {
            return Ok(());
        }
        if delivery == Delivery::Event && self.may_burst(queue, bytes) {
            return Ok(());
        }
        if self.overflow == Overflow::DropOldest && delivery != Delivery::Volatile {
            while !self.fits(queue, bytes) && queue.waiting.drop_oldest() {
                self.counters.add(Counter::DroppedFrames);
            }
            self.weigh(queue);
            if self.fits(queue, bytes) {
                return Ok(());
            }
        }
        let is_too_slow = match delivery {
            // Behind them reading stops, so what runs already is all that can answer.
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
            self.counters.add(Counter::DroppedFrames);
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

    /// Returns `true` if one frame more belongs to a burst: nothing of the queue was refused, or the turn that sends it
    /// began within the bounds. While a burst leaves, a quarter of the bounds may come behind it.
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

    /// Lets a burst grow by a frame, if it may.
    fn grow(&self, queue: &mut Queue, bytes: usize) -> bool {
        let may = size(queue) + bytes <= self.burst;
        if may {
            let (messages, waits) = (queue.waiting.len(), queue.waiting.bytes());
            queue.rare().burst = Some(Burst { messages: messages + 1, bytes: waits + bytes, is_over: false });
        }
        may
    }

    /// Ends it where more waits than any burst may.
    pub(super) fn bound(&self, queue: &mut Queue) {
        if size(queue) > self.burst {
            self.end_too_slow(queue);
        }
    }

    fn end_too_slow(&self, queue: &mut Queue) {
        queue.rare().end = Some((DisconnectReason::TooSlow, Scope::Connection));
        queue.closed = true;
        self.ending.store(true, Ordering::Release);
        self.counters.add(Counter::SlowDisconnects);
    }

    /// A frame of any size fits into an empty queue: its size was bounded where it was made.
    #[inline]
    pub(super) fn fits(&self, queue: &Queue, bytes: usize) -> bool {
        let waiting = &queue.waiting;
        waiting.is_empty() || (waiting.len() < self.frames && waiting.bytes() + bytes <= self.bytes as usize)
    }

    /// Returns `true` if so little waits that more may be added before it leaves.
    pub(crate) fn is_light(&self) -> bool {
        !self.heavy.load(Ordering::Relaxed)
    }

    /// Returns `true` if reading has to wait until less is queued. The connection's task is then woken by the task that
    /// wrote.
    pub(crate) fn holds_back(&self) -> bool {
        if self.is_light() {
            return false;
        }
        let mut queue = self.lock();
        queue.held_back = !self.is_light();
        queue.held_back
    }

    /// To be called when what waits has changed, before the lock is given back.
    #[inline]
    pub(super) fn weigh(&self, queue: &mut Queue) {
        // Of what takes nothing more, nobody has to wait for the rest.
        let is_heavy = self.is_much(queue) && !queue.closed;
        if is_heavy == self.is_light() {
            self.heavy.store(is_heavy, Ordering::Relaxed);
            if !is_heavy {
                self.lighten(queue);
            }
        }
    }

    /// As [`weigh`](Outbox::weigh), where a frame was added to a queue that takes more.
    #[inline]
    pub(super) fn weigh_more(&self, queue: &Queue) {
        if self.is_much(queue) {
            self.heavy.store(true, Ordering::Relaxed);
        }
    }

    /// Returns `true` if little waits also with one frame more.
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

    /// Returns `true` if more waits than the bounds, as a burst that has not left.
    pub(crate) fn is_beyond_bounds(&self) -> bool {
        if self.is_light() {
            return false;
        }
        let queue = self.lock();
        queue.waiting.len() > self.frames || queue.waiting.bytes() > queue.waiting.first_len().max(self.bytes as usize)
    }

    /// Messages and bytes that wait.
    pub(crate) fn load(&self) -> (u32, usize) {
        let queue = self.lock();
        (queue.waiting.len(), queue.waiting.bytes())
    }

    /// Returns `true` if a frame of usual size would fit now.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.closed || self.fits(&queue, 1024)
    }
}

/// Bytes that wait, with the cost of their places.
fn size(queue: &Queue) -> usize {
    queue.waiting.bytes() + queue.waiting.len() as usize * PLACE
}
