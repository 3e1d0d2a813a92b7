//! The end of an outbox: its reason and its last frame.

use std::mem;
use std::sync::atomic::Ordering;

use crate::protocol::Encoded;
use crate::session::DisconnectReason;
use crate::session::outbox::frame_queue::FrameQueue;
use crate::session::outbox::{Delivery, Outbox, Scope};

impl Outbox {
    /// Requests an end after the queued frames; the first reason stays. With a gentle reason accepted requests are still
    /// answered, so only [`Outbox::close`] closes the queue.
    pub(crate) fn end(&self, reason: DisconnectReason, scope: Scope) {
        {
            let mut queue = self.lock();
            if !reason.is_gentle() {
                queue.close();
            }
            self.update_high_water(&mut queue);
            queue.rare().end.get_or_insert((reason, scope));
        }
        self.ending.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Closes the queue with `last` as its final frame. The connection's task writes it, and direct writes end.
    pub(crate) fn close(&self, last: Option<Encoded>) {
        let mut queue = self.lock();
        self.settle_held(&mut queue);
        queue.close();
        queue.open = true;
        queue.direct = None;
        if let Some(last) = last {
            queue.waiting.push(last, Delivery::Answer);
        }
    }

    /// Returns `true` if an end was requested. Cheap.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Reason and extent of the end, once requested.
    pub(crate) fn ended(&self) -> Option<(DisconnectReason, Scope)> {
        if self.is_ending() { self.lock().end().cloned() } else { None }
    }

    /// Queues a final frame for a refused client, even if the queue is closed.
    pub(crate) fn push_last(&self, frame: Encoded) {
        let mut queue = self.lock();
        self.settle_held(&mut queue);
        queue.waiting.push(frame, Delivery::Answer);
        self.update_high_water(&mut queue);
    }

    /// Discards the queued frames of a socket that was not accepted or does not read.
    pub(crate) fn discard(&self) {
        let mut queue = self.lock();
        queue.discard();
        self.update_high_water(&mut queue);
    }

    /// Closes the queue and takes its frames, with pongs only if they are partly written.
    pub(super) fn give_up(&self) -> FrameQueue {
        let mut queue = self.lock();
        self.settle_held(&mut queue);
        queue.close();
        let mut waiting = mem::take(&mut queue.waiting);
        if let Some((pongs, written)) = queue.take_pongs().filter(|(_, written)| *written > 0) {
            waiting.push_first(pongs, Delivery::Answer);
            waiting.advance(written);
        }
        self.update_high_water(&mut queue);
        waiting
    }
}
