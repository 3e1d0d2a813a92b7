//! A queue of frames with the written part of the first.

use std::mem;

use crate::protocol::Encoded;
use crate::session::outbox::backlog::Backlog;
use crate::session::outbox::delivery::Delivery;

pub(super) type QueuedFrame = (Encoded, Delivery);

/// A queue of frames. It mostly has one frame at most, which is stored inline instead of behind a pointer.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct FrameQueue {
    front: Option<QueuedFrame>,
    /// Present while it has frames.
    behind: Option<Box<Backlog>>,
    messages: u32,
    bytes: usize,
    /// Number of written bytes of the first frame.
    written: usize,
}

impl FrameQueue {
    pub(super) fn is_empty(&self) -> bool {
        self.front.is_none()
    }

    /// Number of queued messages.
    pub(super) fn len(&self) -> u32 {
        self.messages
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the first frame.
    pub(super) fn first_len(&self) -> usize {
        self.front.as_ref().map_or(0, |(frame, _)| frame.len())
    }

    /// Returns `true` if the first frame is partly written and must be completed.
    pub(super) fn is_begun(&self) -> bool {
        self.written > 0
    }

    #[inline]
    pub(super) fn push(&mut self, frame: Encoded, delivery: Delivery) {
        self.count(&frame);
        if self.front.is_none() {
            self.front = Some((frame, delivery));
        } else {
            self.behind().push_back((frame, delivery));
        }
    }

    /// Pushes a frame to the empty queue.
    #[inline]
    pub(super) fn push_only(&mut self, frame: Encoded, delivery: Delivery) {
        debug_assert!(self.is_empty() && self.is_alone(), "the first");
        self.bytes = frame.len();
        self.messages = frame.messages();
        self.front = Some((frame, delivery));
    }

    /// Appends a frame, merged with the last if both are unshared and of one kind.
    #[inline]
    pub(super) fn append(&mut self, mut frame: Encoded, delivery: Delivery) {
        let last = match &mut self.behind {
            Some(behind) => behind.back_mut(),
            None => self.front.as_mut(),
        };
        if let Some((last, kind)) = last
            && *kind == delivery
            && last.append(&frame)
        {
            self.count(&frame);
            frame.reclaim();
        } else {
            self.push(frame, delivery);
        }
    }

    pub(super) fn push_first(&mut self, frame: Encoded, delivery: Delivery) {
        self.count(&frame);
        if let Some(front) = self.front.replace((frame, delivery)) {
            self.behind().push_front(front);
        }
    }

    /// Returns `true` if this frame is the only one and no byte of it is written.
    #[inline]
    pub(super) fn is_only(&self, frame: &Encoded) -> bool {
        self.behind.is_none() && self.written == 0 && self.front.as_ref().is_some_and(|(front, _)| front.is(frame))
    }

    /// Replaces all frames by a merged one.
    #[inline]
    pub(super) fn replace(&mut self, frame: &Encoded) {
        self.bytes = 0;
        self.messages = 0;
        self.count(frame);
        if let Some((front, _)) = &mut self.front {
            *front = frame.clone();
        }
    }

    /// Removes the only frame, which is completely written.
    #[inline]
    pub(super) fn finish(&mut self) {
        debug_assert!(self.is_alone(), "the only one");
        if let Some((frame, _)) = &mut self.front {
            frame.reclaim();
        }
        self.front = None;
        self.messages = 0;
        self.bytes = 0;
        self.written = 0;
    }

    #[inline]
    fn count(&mut self, frame: &Encoded) {
        self.bytes += frame.len();
        self.messages += frame.messages();
    }

    fn uncount(&mut self, frame: &Encoded) {
        self.bytes -= frame.len();
        self.messages -= frame.messages();
    }

    /// Bytes to write next.
    #[inline]
    pub(super) fn next(&self) -> Option<&[u8]> {
        self.front.as_ref().map(|(frame, _)| &frame.as_slice()[self.written..])
    }

    /// Returns `true` if no frame follows the first.
    #[inline]
    pub(super) fn is_alone(&self) -> bool {
        self.behind.is_none()
    }

    /// Unwritten bytes, frame by frame.
    pub(super) fn all(&self) -> impl Iterator<Item = &[u8]> {
        let behind = self.behind.iter().flat_map(|behind| behind.iter());
        self.next().into_iter().chain(behind.map(Encoded::as_slice))
    }

    /// Notes `written` bytes as written.
    #[inline]
    pub(super) fn advance(&mut self, mut written: usize) {
        while let Some(rest) = self.next().map(<[u8]>::len) {
            if written < rest {
                self.written += written;
                return;
            }
            written -= rest;
            if let Some((mut frame, _)) = self.pop() {
                frame.reclaim();
            }
        }
    }

    /// Removes the oldest frame that may be dropped: not an answer, and not partly written.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let may_go = |(_, delivery): &QueuedFrame| *delivery != Delivery::Answer;
        if !self.is_begun() && self.front.as_ref().is_some_and(may_go) {
            self.pop();
            return true;
        }
        let Some(behind) = &mut self.behind else { return false };
        let Some((frame, _)) = behind.take_first(may_go) else { return false };
        self.behind.take_if(|behind| behind.is_empty());
        self.uncount(&frame);
        true
    }

    /// Removes the frame with the key of `frame`, unless partly written. There is at most one.
    pub(super) fn take_older(&mut self, frame: &Encoded) -> Option<Encoded> {
        if !self.is_begun() && self.front.as_ref().is_some_and(|(front, _)| front.has_key_of(frame)) {
            return self.pop().map(|(older, _)| older);
        }
        let (older, _) = self.behind.as_mut()?.take_keyed(frame)?;
        self.behind.take_if(|behind| behind.is_empty());
        self.uncount(&older);
        Some(older)
    }

    /// Removes all frames except a partly written one.
    pub(super) fn discard(&mut self) {
        self.behind = None;
        if !self.is_begun() {
            self.front = None;
        }
        (self.bytes, self.messages) = (0, 0);
        if let Some((frame, delivery)) = self.front.take() {
            self.push(frame, delivery);
        }
    }

    /// Appends another queue, or prepends it if its first frame is partly written.
    pub(super) fn absorb(&mut self, mut other: Self) {
        if other.is_begun() {
            mem::swap(self, &mut other);
        }
        while let Some((frame, delivery)) = other.pop() {
            self.push(frame, delivery);
        }
    }

    fn pop(&mut self) -> Option<QueuedFrame> {
        let next = match &mut self.behind {
            None => None,
            Some(behind) => {
                let next = behind.pop_front();
                self.behind.take_if(|behind| behind.is_empty());
                next
            }
        };
        let front = mem::replace(&mut self.front, next);
        if let Some((frame, _)) = &front {
            self.uncount(frame);
        }
        self.written = 0;
        front
    }

    fn behind(&mut self) -> &mut Backlog {
        self.behind.get_or_insert_with(|| Box::new(Backlog::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Encoded {
        Encoded::text(0, |out| out.extend_from_slice(text.as_bytes()))
    }

    fn waiting(texts: &[&str]) -> FrameQueue {
        let mut waiting = FrameQueue::default();
        for text in texts {
            waiting.push(frame(text), Delivery::Event);
        }
        waiting
    }

    fn check(waiting: &FrameQueue, expected: &str) {
        let all: Vec<u8> = waiting.all().flatten().copied().collect();
        assert_eq!(String::from_utf8_lossy(&all).replace(char::is_control, "").replace('\u{fffd}', ""), expected);
        assert_eq!(waiting.is_empty(), expected.is_empty());
        assert_eq!(waiting.bytes(), all.len() + waiting.written);
        assert_eq!(waiting.len() as usize, waiting.all().count());
        assert_eq!(waiting.is_alone(), waiting.len() <= 1);
    }

    #[test]
    fn frames_leave_in_order_however_they_are_written() {
        let mut waiting = waiting(&["ab", "c", "d"]);
        waiting.push_first(frame("0"), Delivery::Answer);
        check(&waiting, "0abcd");
        waiting.advance(3);
        check(&waiting, "abcd");
        waiting.advance(3);
        check(&waiting, "bcd");
        waiting.advance(4);
        check(&waiting, "d");
        waiting.advance(3);
        check(&waiting, "");
    }

    #[test]
    fn what_is_appended_leaves_in_one_piece_with_its_kind() {
        let mut waiting = waiting(&["a"]);
        for (text, delivery) in [("b", Delivery::Event), ("c", Delivery::Answer), ("d", Delivery::Answer)] {
            waiting.append(frame(text), delivery);
        }
        waiting.append(frame("e").into_shared(), Delivery::Answer);
        waiting.append(frame("f"), Delivery::Answer);
        let pieces: Vec<_> = waiting.all().map(<[u8]>::len).collect();
        assert_eq!((pieces, waiting.len(), waiting.bytes()), (vec![6, 6, 3, 3], 6, 18));
        waiting.advance(4);
        waiting.append(frame("g"), Delivery::Answer);
        assert_eq!((waiting.len(), waiting.bytes()), (7, 21));
        waiting.advance(17);
        assert_eq!((waiting.len(), waiting.bytes(), waiting.is_empty()), (0, 0, true));
    }

    #[test]
    fn a_frame_that_is_begun_is_neither_dropped_nor_overtaken() {
        let mut begun = waiting(&["ab", "c"]);
        begun.advance(3);
        let mut other = waiting(&["x"]);
        other.absorb(begun);
        check(&other, "bcx");
        assert!(other.drop_oldest());
        check(&other, "bx");
        other.discard();
        check(&other, "b");
        assert!(!other.drop_oldest());
        other.advance(1);
        check(&other, "");
    }

    #[test]
    fn an_answer_is_not_dropped() {
        let mut waiting = waiting(&["a"]);
        waiting.push_first(frame("b"), Delivery::Answer);
        assert!(waiting.drop_oldest());
        check(&waiting, "b");
        assert!(!waiting.drop_oldest());
    }
}
