//! The data of an outbox behind its lock, and its writing.

use std::cell::RefCell;
use std::io;
use std::task::{Poll, ready};

use crate::protocol::{Encoded, OffsetNumber};
use crate::session::DisconnectReason;
use crate::session::outbox::delivery::{Pushed, Scope};
use crate::session::outbox::frame_queue::FrameQueue;
use crate::session::outbox::held_frames::Held;
use crate::session::outbox::pongs::Pongs;
use crate::session::replay::Replay;
use crate::sync::thread_local;
use crate::transport::{Direct, PollListener};

/// Maximum size of a write that gathers several frames: as much as one read.
const WRITE_BUFFER: usize = 64 * 1024;

thread_local! {
    static WRITE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WRITE_BUFFER));
}

/// The queue of one socket. A broadcast visits thousands of these, and its cost is the memory it touches: fields of every
/// delivery lie together, rare ones lie elsewhere.
#[derive(Debug, Default)]
#[repr(C)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Queue {
    pub(super) gate: Gate,
    /// Set once the connect hooks have accepted; nothing is written before.
    pub(super) open: bool,
    /// Set while the transport accepts no more; the connection's task waits for it, or will.
    pub(super) blocked: bool,
    /// Set if a sender found the transport blocked and the connection's task is not notified yet.
    pub(super) task_not_notified: bool,
    /// Set while the transport has unflushed bytes.
    pub(super) unflushed: bool,
    /// Set while a write at the end of a batch is scheduled.
    pub(super) marked: bool,
    /// Set while the connection's task pauses reading; it is woken below the high-water mark.
    pub(super) held_back: bool,
    pub(super) recovery_state: RecoveryState,
    pub(super) waiting: FrameQueue,
    /// The writer for senders, while direct writes are allowed.
    pub(super) direct: Option<Direct>,
    pub(super) rare: Option<Box<Rare>>,
}

/// Rarely used data of an outbox.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pongs: Option<Pongs>,
    /// The requested end.
    pub(super) end: Option<(DisconnectReason, Scope)>,
    /// Events kept for recovery, if enabled.
    pub(super) replay: Option<Replay>,
    /// Present if the client receives frames only at times, as by long polling.
    pub(super) listener: Option<PollListener>,
    /// Present from exceeding the bounds until the queue is short again.
    pub(super) burst: Option<Burst>,
    /// Frames from the first event on whose offset is awaited.
    pub(super) held: Held,
}

/// The extent of a burst beyond the bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub(super) messages: u32,
    pub(super) bytes: usize,
    /// Set once a later turn has begun; the burst grows no more.
    pub(super) is_over: bool,
}

/// What becomes of a frame that is pushed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Gate {
    /// It is queued.
    #[default]
    Open,
    /// It waits behind an event whose offset is awaited.
    Holding,
    /// It is refused.
    Closed,
}

/// State of a client's recovery.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum RecoveryState {
    #[default]
    Here,
    /// The connection was lost; the client may resume.
    Away,
    /// The client resumed; its new session has taken over all data.
    Back,
}

impl Queue {
    pub(super) fn mark(&mut self) -> Pushed {
        if std::mem::replace(&mut self.marked, true) { Pushed::WillBeWritten } else { Pushed::NeedsWrite }
    }

    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn pongs(&self) -> Option<&Pongs> {
        self.rare.as_ref()?.pongs.as_ref()
    }

    pub(super) fn end(&self) -> Option<&(DisconnectReason, Scope)> {
        self.rare.as_ref()?.end.as_ref()
    }

    /// Returns `true` if the connection's task has offered the frames and the transport accepted no more.
    pub(super) fn is_refused(&self) -> bool {
        self.blocked && !self.task_not_notified
    }

    pub(super) fn replay(&self) -> Option<&Replay> {
        self.rare.as_ref()?.replay.as_ref()
    }

    pub(super) fn replay_mut(&mut self) -> Option<&mut Replay> {
        self.rare.as_mut()?.replay.as_mut()
    }

    /// The position of the last event that was kept for recovery.
    pub(super) fn latest_position(&self) -> OffsetNumber {
        self.replay().map_or(OffsetNumber::in_log(0), Replay::latest)
    }

    /// Returns `true` once no frame is accepted any more.
    #[inline]
    pub(super) fn is_closed(&self) -> bool {
        self.gate == Gate::Closed
    }

    /// Accepts no frame any more.
    pub(super) fn close(&mut self) {
        self.gate = Gate::Closed;
    }
}

/// Writing.
impl Queue {
    #[inline]
    pub(super) fn has_something(&self) -> bool {
        (self.open && !self.waiting.is_empty()) || self.pongs().is_some()
    }

    /// The frame to write and its writer, if there is nothing else to write.
    #[inline]
    pub(super) fn only_frame(&self) -> Option<(&[u8], &Direct)> {
        if !self.waiting.is_alone() || self.pongs().is_some() {
            return None;
        }
        self.waiting.next().zip(self.direct.as_ref())
    }

    pub(super) fn push_pong(&mut self, pong: &[u8]) {
        self.rare().pongs.get_or_insert_default().push(pong);
    }

    /// Discards all frames that are not partly written.
    pub(super) fn discard(&mut self) {
        self.waiting.discard();
        if let Some(rare) = &mut self.rare {
            rare.held = Held::default();
        }
        if self.gate == Gate::Holding {
            self.gate = Gate::Open;
        }
        self.forget_pongs(|pongs| !pongs.is_begun());
    }

    /// Takes all pongs as one piece, with the number of its written bytes.
    pub(super) fn take_pongs(&mut self) -> Option<(Encoded, usize)> {
        self.rare.as_mut()?.pongs.take().map(Pongs::into_parts)
    }

    fn forget_pongs(&mut self, are_over: impl FnOnce(&Pongs) -> bool) {
        let Some(rare) = &mut self.rare else { return };
        rare.pongs.take_if(|pongs| are_over(pongs));
        self.forget_rare();
    }

    /// Notes that a burst is written.
    pub(super) fn forget_burst(&mut self) {
        let Some(rare) = &mut self.rare else { return };
        if rare.burst.take().is_some() {
            self.forget_rare();
        }
    }

    pub(super) fn forget_rare(&mut self) {
        self.rare.take_if(|rare| {
            let Rare { pongs, end, replay, listener, burst, held } = &**rare;
            let is_kept = end.is_some() || replay.is_some() || listener.is_some();
            !is_kept && pongs.is_none() && burst.is_none() && held.is_empty()
        });
    }

    /// Writes until the queue is empty or `write` accepts no more.
    #[inline]
    pub(super) fn write(&mut self, mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>) -> Poll<io::Result<()>> {
        while self.has_something() {
            // The usual case: one piece, written completely.
            if self.pongs().is_none()
                && self.waiting.is_alone()
                && let Some(only) = self.waiting.next()
            {
                match ready!(write(only)) {
                    Ok(written) if written == only.len() => self.waiting.finish(),
                    Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Ok(written) => self.waiting.advance(written),
                    Err(error) => return Poll::Ready(Err(error)),
                }
                continue;
            }
            let written = match self.alone() {
                Some(alone) => ready!(write(alone)),
                None => ready!(WRITE.with(|buffer| {
                    let buffer = &mut *buffer.borrow_mut();
                    self.gather(buffer);
                    // A message that the format does not send is an empty frame.
                    if buffer.is_empty() { Poll::Ready(Ok(0)) } else { write(buffer) }
                })),
            };
            match written {
                Ok(0) if self.waiting.next().is_some_and(<[u8]>::is_empty) => self.advance(0),
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.blocked = false;
                    self.advance(written);
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next bytes to write, if there is nothing to gather them with. For a blocked transport nothing is gathered until it
    /// accepts bytes.
    #[inline]
    fn alone(&self) -> Option<&[u8]> {
        if self.blocked
            && let (false, Some(pongs)) = (self.waiting.is_begun(), self.pongs())
        {
            return Some(pongs.rest());
        }
        let next = self.waiting.next()?;
        let may_go = self.waiting.is_begun() || self.pongs().is_none();
        (may_go && (self.blocked || self.waiting.is_alone() || next.len() >= WRITE_BUFFER)).then_some(next)
    }

    /// Copies as many whole frames as fit into one write.
    fn gather(&self, buffer: &mut Vec<u8>) {
        buffer.clear();
        // Between frames only: a pong may overtake a message, not split it.
        if let (false, Some(pongs)) = (self.waiting.is_begun(), self.pongs()) {
            buffer.extend_from_slice(pongs.rest());
        }
        let held = if self.open { usize::MAX } else { 0 };
        for frame in self.waiting.all().take(held) {
            if !buffer.is_empty() && buffer.len() + frame.len() > WRITE_BUFFER {
                break;
            }
            buffer.extend_from_slice(frame);
        }
    }

    #[inline]
    pub(super) fn advance(&mut self, mut written: usize) {
        if let Some(rare) = &mut self.rare
            && let (false, Some(pongs)) = (self.waiting.is_begun(), &mut rare.pongs)
        {
            let of_pongs = written.min(pongs.rest().len());
            pongs.advance(of_pongs);
            written -= of_pongs;
            self.forget_pongs(|pongs| pongs.rest().is_empty());
        }
        self.waiting.advance(written);
    }
}
