//! Frames that wait behind an event whose offset is awaited, as data.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::protocol::{Encoded, OffsetNumber, WireFormat};
use crate::session::LoggedEvent;
use crate::session::outbox::delivery::Delivery;

/// Overhead in bytes counted per frame of a burst.
pub(super) const PLACE: usize = 64;

/// Frames from the first event without an offset on, in order.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) frames: VecDeque<HeldFrame>,
    bytes: usize,
}

/// A frame that waits.
pub(super) enum HeldFrame {
    /// The place of an event whose offset is awaited.
    Awaited(Arc<LoggedEvent>),
    /// A frame that is ready, behind an event that is not.
    Ready(Encoded, Delivery),
    /// A frame that carries the offset of the last event before it.
    Stamped(Stamp, Delivery),
    /// An event that goes out without an offset.
    Released(Arc<LoggedEvent>),
}

/// Encodes a frame with the offset of the last event before it.
pub(crate) type Stamp = Box<dyn FnOnce(OffsetNumber) -> Encoded + Send>;

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(super) fn size(&self) -> usize {
        self.bytes + self.frames.len() * PLACE
    }

    pub(super) fn push(&mut self, frame: HeldFrame) {
        self.bytes += frame.bytes();
        self.frames.push_back(frame);
    }

    pub(super) fn pop_ready(&mut self) -> Option<HeldFrame> {
        if let HeldFrame::Awaited(_) = self.frames.front()? {
            return None;
        }
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.bytes();
        Some(frame)
    }

    /// Replaces the place of an event by its frame. Returns `false` if there is no such place.
    pub(super) fn replace(&mut self, event: &Arc<LoggedEvent>, frame: HeldFrame) -> bool {
        let is_it = |held: &HeldFrame| matches!(held, HeldFrame::Awaited(awaited) if Arc::ptr_eq(awaited, event));
        // Offsets arrive in the order of the places, so it is nearly always the first.
        let Some(place) = self.frames.iter().position(is_it) else { return false };
        self.bytes = self.bytes - self.frames[place].bytes() + frame.bytes();
        self.frames[place] = frame;
        true
    }
}

impl HeldFrame {
    /// The frame to send. `latest` is the offset of the last event before it.
    pub(super) fn into_frame(self, format: WireFormat, latest: OffsetNumber) -> (Encoded, Delivery) {
        match self {
            Self::Ready(frame, delivery) => (frame, delivery),
            Self::Stamped(stamp, delivery) => (stamp(latest), delivery),
            Self::Awaited(event) | Self::Released(event) => (event.without_offset(format, latest), Delivery::Event),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Awaited(event) | Self::Released(event) => event.bytes(),
            Self::Ready(frame, _) => frame.len(),
            Self::Stamped(..) => 0,
        }
    }
}

impl fmt::Debug for HeldFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Awaited(_) => "Awaited",
            Self::Ready(..) => "Ready",
            Self::Stamped(..) => "Stamped",
            Self::Released(_) => "Released",
        })
    }
}
