//! Bursts: broadcasts to one list of sockets in one turn. A socket that still has the burst so far as its only frame gets
//! one frame with all of it, which is made once for all sockets of a format.

use std::cell::OnceCell;

use crate::protocol::{Encoded, SharedEvent, WireFormat};
use crate::session::outbox::queue::{Gate, Queue};
use crate::session::outbox::{Delivery, Leaves, Outbox, Pushed, SendError};

/// Maximum size of a joined frame: one write.
const LONGEST: usize = 16 * 1024;

/// Number of sockets from which on joining pays off.
const MANY: usize = 16;

/// The frames of a burst so far, by format.
#[derive(Debug, Default)]
pub(crate) struct BurstFrames([Option<Encoded>; WireFormat::COUNT]);

impl BurstFrames {
    /// Returns `true` if joining pays off for this number of sockets.
    pub(crate) fn pay(sockets: usize) -> bool {
        sockets >= MANY
    }
}

/// A broadcast at the end of a burst.
#[derive(Debug)]
pub(crate) struct JoinedBurst<'s, 'e> {
    event: &'s SharedEvent<'e>,
    before: BurstFrames,
    pieces: [OnceCell<Piece>; WireFormat::COUNT],
}

/// The frame for sockets of one format.
#[derive(Debug)]
struct Piece {
    frame: Encoded,
    /// Length of the frame in bytes, stored here so that a delivery does not read the frame.
    bytes: usize,
    joined: Option<Joined>,
}

/// A frame that replaces the burst before it.
#[derive(Debug)]
struct Joined {
    before: Encoded,
    both: Encoded,
}

impl<'s, 'e> JoinedBurst<'s, 'e> {
    pub(crate) fn new(event: &'s SharedEvent<'e>, before: BurstFrames) -> Self {
        Self { event, before, pieces: Default::default() }
    }

    /// Queues the event for a socket from a list of recipients.
    #[inline]
    pub(crate) fn push(&self, outbox: &Outbox, listed: Leaves) -> Result<Pushed, SendError> {
        if let Some(compressed) = outbox.compressed_form_of(self.event) {
            let frame = compressed.clone();
            return outbox.push_into(outbox.lock_listed(listed)?, frame, Delivery::Event);
        }
        let piece = self.piece(outbox.format);
        let mut queue = outbox.lock_listed(listed)?;
        if let Some(joined) = &piece.joined
            && queue.waiting.is_only(&joined.before)
            && may_join(outbox, &queue, piece.bytes)
        {
            queue.waiting.replace(&joined.both);
            return Ok(queue.mark());
        }
        outbox.push_into(queue, piece.frame.clone(), Delivery::Event)
    }

    /// The frames of the burst, including this event.
    pub(crate) fn into_frames(self) -> BurstFrames {
        let mut frames = self.before;
        for (latest, piece) in frames.0.iter_mut().zip(self.pieces) {
            if let Some(Piece { frame, joined, .. }) = piece.into_inner() {
                *latest = Some(joined.map_or(frame, |joined| joined.both));
            }
        }
        frames
    }

    #[inline]
    fn piece(&self, format: WireFormat) -> &Piece {
        self.pieces[format as usize].get_or_init(|| self.join(format))
    }

    fn join(&self, format: WireFormat) -> Piece {
        let frame = self.event.frame(format).clone();
        let before = self.before.0[format as usize].as_ref();
        let joined = before.filter(|before| before.len() + frame.len() <= LONGEST);
        let joined = joined.map(|before| Joined { before: before.clone(), both: before.joined(&frame) });
        Piece { bytes: frame.len(), frame, joined }
    }
}

/// Returns `true` if a frame can be joined and the queue stays below its high-water mark. Frames that may be dropped alone
/// are not joined.
#[inline]
fn may_join(outbox: &Outbox, queue: &Queue, bytes: usize) -> bool {
    outbox.is_kept(Delivery::Event) && queue.gate == Gate::Open && outbox.stays_light(queue, bytes)
}
