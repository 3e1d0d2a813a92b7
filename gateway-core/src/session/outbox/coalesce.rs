//! Events that replace queued older ones with their key.

use crate::metrics::Counter;
use crate::protocol::{Encoded, SharedEvent};
use crate::session::outbox::queue::Queue;
use crate::session::outbox::{Delivery, Leaves, Outbox, Pushed, SendError};

impl Outbox {
    /// Queues one event at the end and removes a queued older one with its key.
    pub(crate) fn push_latest(&self, frame: Encoded, listed: Leaves) -> Result<Pushed, SendError> {
        let mut queue = self.lock_listed(listed)?;
        if !queue.is_closed() {
            self.forget_older(&mut queue, &frame);
        }
        self.push_into(queue, frame, Delivery::Event)
    }

    /// Queues a broadcast of which only the latest of its key counts.
    #[inline]
    pub(crate) fn push_shared_latest(&self, shared: &SharedEvent<'_>, listed: Leaves) -> Result<Pushed, SendError> {
        self.push_latest(self.form_of(shared).clone(), listed)
    }

    /// Removes older events of the key from the queue and from the log of recovery: the client has not received them, so it
    /// cannot resume from them.
    pub(super) fn forget_older(&self, queue: &mut Queue, frame: &Encoded) {
        let Some(older) = queue.waiting.take_older(frame) else { return };
        self.telemetry.counters.add(Counter::CoalescedFrames);
        if let Some(replay) = queue.replay_mut() {
            replay.forget(&older);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Poll;

    use super::*;
    use crate::limits::Limits;
    use crate::protocol::{Key, WireFormat};

    fn frame(text: &str) -> Encoded {
        Encoded::text(text.len(), |out| out.extend_from_slice(text.as_bytes()))
    }

    fn outbox() -> Outbox {
        let outbox = Outbox::new(WireFormat::Plain, &Limits::default(), &Arc::default());
        outbox.open(Encoded::nothing());
        outbox
    }

    fn push(outbox: &Outbox, key: &str, text: &str) {
        outbox.push_latest(frame(text).into_keyed(&Key::new("event", key)), Leaves::default()).unwrap();
    }

    /// Writes at most `most` bytes and returns the texts.
    fn write(outbox: &Outbox, mut most: usize) -> String {
        let mut written = Vec::new();
        let _ = outbox.lock().write(|frames| {
            let taken = frames.len().min(most);
            most -= taken;
            written.extend_from_slice(&frames[..taken]);
            if taken == 0 { Poll::Pending } else { Poll::Ready(Ok(taken)) }
        });
        String::from_utf8_lossy(&written).chars().filter(char::is_ascii_alphanumeric).collect()
    }

    #[test]
    fn one_that_is_begun_goes_on_and_the_later_one_follows() {
        let outbox = outbox();
        push(&outbox, "a", "a1");
        push(&outbox, "b", "b1");
        assert_eq!(write(&outbox, 3), "a");
        push(&outbox, "a", "a2");
        push(&outbox, "a", "a3");
        assert_eq!((outbox.lock().waiting.len(), outbox.telemetry.counters.read(Counter::CoalescedFrames)), (3, 1));
        assert_eq!(write(&outbox, 99), "1b1a3");
        assert_eq!(outbox.lock().waiting.bytes(), 0);
    }

    #[test]
    fn others_of_one_name_or_one_key_stay() {
        let outbox = outbox();
        for (event, key) in [("x", "1"), ("x", "2"), ("y", "1"), ("x", "1")] {
            outbox
                .push_latest(frame(&[event, key].concat()).into_keyed(&Key::new(event, key)), Leaves::default())
                .unwrap();
        }
        outbox.push(frame("x1"), Delivery::Event).unwrap();
        assert_eq!(write(&outbox, 99), "x2y1x1x1");
    }

    #[cfg(feature = "deflate")]
    #[test]
    fn a_compressed_frame_keeps_its_key() {
        let how = crate::protocol::Deflating { window: 15, level: 6, threshold: 0 };
        let plain = |number: u8| frame(&[number; 512].map(char::from).iter().collect::<String>());
        let keyed = |number| plain(number).into_keyed(&Key::new("event", "key"));
        let outbox = outbox();
        for number in [b'a', b'b', b'c'] {
            let sent = keyed(number).deflated(how).expect("repetitions become shorter");
            assert!(sent.len() < 64);
            outbox.push_latest(sent, Leaves::default()).unwrap();
        }
        outbox.push_latest(keyed(b'd'), Leaves::default()).unwrap();
        let waiting = &outbox.lock().waiting;
        assert_eq!((waiting.len(), waiting.bytes()), (1, plain(b'd').len()));
    }
}
