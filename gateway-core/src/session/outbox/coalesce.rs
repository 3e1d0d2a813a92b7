//! Events of which only the latest of a key is worth sending: what is older and still waits is not sent.

use crate::session::outbox::queue::Queue;
use crate::session::outbox::{Delivery, Outbox, Pushed, SendError};
use crate::telemetry::Counter;
use crate::wire::Encoded;

impl Outbox {
    /// Queues one event in the place of an older one of its key. It stands where it was sent, behind all that waits.
    pub(crate) fn push_latest(&self, frame: Encoded) -> Result<Pushed, SendError> {
        let mut queue = self.lock();
        if !queue.closed {
            self.forget_older(&mut queue, &frame);
        }
        self.push_into(queue, frame, Delivery::Event)
    }

    /// What the client has not seen it cannot name to come back, so it is not kept for that either.
    pub(super) fn forget_older(&self, queue: &mut Queue, frame: &Encoded) {
        let Some(older) = queue.waiting.take_older(frame) else { return };
        self.counters.add(Counter::CoalescedFrames);
        if let Some(replay) = queue.rare.as_mut().and_then(|rare| rare.replay.as_mut()) {
            replay.forget(&older);
        }
    }
}
