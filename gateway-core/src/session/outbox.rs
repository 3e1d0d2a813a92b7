//! The bounded queue out to one connection. Many push, the connection's task takes; nobody waits here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

use crate::limits::{Limits, Overflow};
use crate::session::DisconnectReason;
use crate::telemetry::{Counter, Counters};
use crate::wire::{CloseCode, Disconnect, Frame, WireFormat};

/// Frames on their way to one client, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub(crate) format: WireFormat,
    frames: usize,
    bytes: usize,
    overflow: Overflow,
    counters: Arc<Counters>,
    queue: Mutex<Queue>,
    reader: AtomicWaker,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Frame, Delivery)>,
    bytes: usize,
    /// The end, once somebody asked for it.
    end: Option<DisconnectReason>,
    /// Nothing is pushed any more.
    closed: bool,
}

/// What may become of a frame that does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// An answer: goes out, or the connection ends.
    Answer,
    /// An event: the overflow policy decides.
    Event,
    /// Goes out at once or not at all.
    Volatile,
}

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The client reads too slowly; the frame was dropped, or the connection is being closed, as the overflow policy says.
    #[error("the client's outbox is full")]
    Full,
    /// The client is gone.
    #[error("the client is gone")]
    Closed,
    /// The value cannot be written as JSON.
    #[error("the value cannot be serialised")]
    Unserializable,
}

impl Outbox {
    pub(crate) fn new(format: WireFormat, limits: &Limits, counters: &Arc<Counters>) -> Self {
        Self {
            format,
            frames: limits.outbox_frames,
            bytes: limits.outbox_bytes,
            overflow: limits.overflow,
            counters: Arc::clone(counters),
            queue: Mutex::default(),
            reader: AtomicWaker::new(),
        }
    }

    /// Queues one frame without waiting.
    pub(crate) fn push(&self, frame: Frame, delivery: Delivery) -> Result<(), SendError> {
        let result = {
            let mut queue = self.lock();
            if queue.closed {
                return Err(SendError::Closed);
            }
            self.insert(&mut queue, frame, delivery)
        };
        self.reader.wake();
        result
    }

    /// Queues one frame, or gives it back where it does not fit yet. One for a client that is gone is dropped.
    pub(crate) fn offer(&self, frame: Frame, delivery: Delivery) -> Result<(), Frame> {
        {
            let mut queue = self.lock();
            if queue.closed {
                return Ok(());
            }
            if !self.fits(&queue, frame.len()) {
                return Err(frame);
            }
            queue.bytes += frame.len();
            queue.waiting.push_back((frame, delivery));
        }
        self.reader.wake();
        Ok(())
    }

    fn insert(&self, queue: &mut Queue, frame: Frame, delivery: Delivery) -> Result<(), SendError> {
        if delivery == Delivery::Volatile && !queue.waiting.is_empty() {
            self.counters.add(Counter::DroppedFrames);
            return Err(SendError::Full);
        }
        if self.overflow == Overflow::DropOldest {
            self.make_room(queue, frame.len());
        }
        if self.fits(queue, frame.len()) {
            queue.bytes += frame.len();
            queue.waiting.push_back((frame, delivery));
            return Ok(());
        }
        if delivery == Delivery::Answer || self.overflow == Overflow::Close {
            queue.end = Some(DisconnectReason::TooSlow);
            queue.closed = true;
            self.counters.add(Counter::SlowDisconnects);
        } else {
            self.counters.add(Counter::DroppedFrames);
        }
        Err(SendError::Full)
    }

    /// A frame of any size fits into an empty queue: its size was bounded where it was made.
    fn fits(&self, queue: &Queue, bytes: usize) -> bool {
        queue.waiting.is_empty() || (queue.waiting.len() < self.frames && queue.bytes + bytes <= self.bytes)
    }

    fn make_room(&self, queue: &mut Queue, bytes: usize) {
        while !self.fits(queue, bytes) {
            let Some(oldest) = queue.waiting.iter().position(|(_, delivery)| *delivery != Delivery::Answer) else { return };
            if let Some((frame, _)) = queue.waiting.remove(oldest) {
                queue.bytes -= frame.len();
                self.counters.add(Counter::DroppedFrames);
            }
        }
    }

    /// Ends the connection after what is already queued; the first reason stays. A server that stops still answers what
    /// it has accepted, so only [`Outbox::close`] shuts its outboxes.
    pub(crate) fn end(&self, reason: DisconnectReason) {
        {
            let mut queue = self.lock();
            queue.closed |= reason != DisconnectReason::Shutdown;
            queue.end.get_or_insert(reason);
        }
        self.reader.wake();
    }

    /// Takes nothing more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Whether somebody asked for the end.
    pub(crate) fn ended(&self) -> Option<DisconnectReason> {
        self.lock().end.clone()
    }

    /// Wakes this task at the next push or end. Register first, then look.
    pub(crate) fn register(&self, context: &Context<'_>) {
        self.reader.register(context.waker());
    }

    /// Takes the next frame.
    pub(crate) fn pop(&self) -> Option<Frame> {
        let mut queue = self.lock();
        let (frame, _) = queue.waiting.pop_front()?;
        queue.bytes -= frame.len();
        if queue.waiting.is_empty() && queue.waiting.capacity() > 8 {
            // A burst leaves no buffer behind in an idle connection.
            queue.waiting = VecDeque::new();
        }
        Some(frame)
    }

    /// Throws away what waits: it was meant for a socket that was never accepted.
    pub(crate) fn discard(&self) {
        let mut queue = self.lock();
        queue.waiting = VecDeque::new();
        queue.bytes = 0;
    }

    /// Whether so little waits that more may be added before it leaves.
    pub(crate) fn is_light(&self) -> bool {
        let queue = self.lock();
        queue.waiting.len() <= self.frames / 2 && queue.bytes <= self.bytes / 16
    }

    /// Whether a frame of usual size would fit now.
    pub(crate) fn has_room(&self) -> bool {
        let queue = self.lock();
        queue.closed || self.fits(&queue, 1024)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DisconnectReason {
    /// What the client is told; `None` where nobody listens any more.
    pub(crate) fn told(&self) -> Option<Disconnect> {
        match self {
            Self::Client(_) | Self::Lost => None,
            Self::HeartbeatTimeout => Some(Disconnect::new(CloseCode::HEARTBEAT_TIMEOUT, "heartbeat timeout")),
            Self::TooSlow => Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")),
            Self::Violation(disconnect) | Self::Server(disconnect) => Some(disconnect.clone()),
            Self::Shutdown => Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Text;

    fn outbox(overflow: Overflow) -> Outbox {
        Outbox::new(WireFormat::Plain, &Limits { outbox_frames: 2, outbox_bytes: 8, overflow, ..Limits::default() }, &Arc::default())
    }

    fn text(text: &str) -> Frame {
        Frame::Text(Text::from(text))
    }

    fn waiting(outbox: &Outbox) -> Vec<String> {
        std::iter::from_fn(|| outbox.pop()).map(|frame| format!("{frame:?}")).collect()
    }

    #[test]
    fn a_full_outbox_ends_the_connection() {
        let outbox = outbox(Overflow::Close);
        assert_eq!(outbox.push(text("a"), Delivery::Event), Ok(()));
        assert_eq!(outbox.push(text("123456789"), Delivery::Event), Err(SendError::Full));
        assert_eq!(outbox.push(text("b"), Delivery::Event), Err(SendError::Closed));
        assert_eq!(outbox.ended(), Some(DisconnectReason::TooSlow));
    }

    #[test]
    fn the_newest_or_the_oldest_is_dropped_but_never_an_answer() {
        let newest = outbox(Overflow::DropNewest);
        let oldest = outbox(Overflow::DropOldest);
        for outbox in [&newest, &oldest] {
            outbox.push(text("a"), Delivery::Event).unwrap();
            outbox.push(text("b"), Delivery::Answer).unwrap();
        }
        assert_eq!(newest.push(text("c"), Delivery::Event), Err(SendError::Full));
        assert_eq!(oldest.push(text("c"), Delivery::Event), Ok(()));
        assert_eq!(oldest.push(text("d"), Delivery::Answer), Ok(()));
        assert_eq!(oldest.push(text("e"), Delivery::Answer), Err(SendError::Full));
        assert_eq!(oldest.ended(), Some(DisconnectReason::TooSlow));
        assert_eq!(waiting(&newest), [r#"Text("a")"#, r#"Text("b")"#]);
        assert_eq!(waiting(&oldest), [r#"Text("b")"#, r#"Text("d")"#]);
    }

    #[test]
    fn a_volatile_frame_waits_for_nobody() {
        let outbox = outbox(Overflow::Close);
        assert_eq!(outbox.push(text("a"), Delivery::Volatile), Ok(()));
        assert_eq!(outbox.push(text("b"), Delivery::Volatile), Err(SendError::Full));
        assert_eq!(outbox.counters.read(Counter::DroppedFrames), 1);
        assert_eq!(outbox.ended(), None);
    }

    #[test]
    fn a_frame_larger_than_the_budget_goes_out_alone() {
        let outbox = outbox(Overflow::DropNewest);
        assert_eq!(outbox.push(text("123456789"), Delivery::Event), Ok(()));
        assert_eq!(outbox.push(text("a"), Delivery::Event), Err(SendError::Full));
    }
}
