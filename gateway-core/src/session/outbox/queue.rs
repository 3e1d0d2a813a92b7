//! Data of an outbox behind its lock, and how it is written.

use std::cell::RefCell;
use std::io;
use std::task::{Poll, ready};

use crate::protocol::Encoded;
use crate::session::DisconnectReason;
use crate::session::outbox::frame_queue::FrameQueue;
use crate::session::outbox::pongs::Pongs;
use crate::session::outbox::{Pushed, Scope};
use crate::session::replay::Replay;
use crate::session::sync::thread_local;
use crate::transport::{Direct, PollListener};

/// Frames that wait for one socket gather here to leave in one write: as much as one read may bring.
const WRITE_BUFFER: usize = 64 * 1024;

thread_local! {
    static WRITE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(WRITE_BUFFER));
}

/// A broadcast walks through thousands of these, and how much memory it touches is what it costs. So what every delivery
/// needs lies together, and what few need lies elsewhere.
#[derive(Debug, Default)]
#[repr(C)]
#[allow(clippy::struct_excessive_bools, reason = "independent facts")]
pub(super) struct Queue {
    /// Nothing is pushed any more.
    pub(super) closed: bool,
    /// The connect hooks have accepted; before, nothing goes out.
    pub(super) open: bool,
    /// The transport takes nothing more; the connection's task waits for it, or will.
    pub(super) blocked: bool,
    /// It was a sender that found it blocked; the connection's task has yet to be told.
    pub(super) untold: bool,
    /// The transport was given bytes that it has not handed on.
    pub(super) unflushed: bool,
    /// Somebody will write this at the end of a batch.
    pub(super) marked: bool,
    /// The connection's task reads no more until little waits, and is to be woken then.
    pub(super) held_back: bool,
    pub(super) recovery_state: RecoveryState,
    pub(super) waiting: FrameQueue,
    /// Where senders may write, while they may.
    pub(super) direct: Option<Direct>,
    pub(super) rare: Option<Box<Rare>>,
}

/// Data that few outboxes have at a time.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pongs: Option<Pongs>,
    /// The end, once somebody asked for it.
    pub(super) end: Option<(DisconnectReason, Scope)>,
    /// Events that the client can ask for again, where the server recovers sockets.
    pub(super) replay: Option<Replay>,
    /// Present where the client takes what waits at times only.
    pub(super) listener: Option<PollListener>,
    /// Present from when more waited than the bounds until little did.
    pub(super) burst: Option<Burst>,
}

/// The most that one turn has queued beyond the bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burst {
    pub(super) messages: u32,
    pub(super) bytes: usize,
    /// A later turn has begun while it still waited, so it grows no more.
    pub(super) is_over: bool,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum RecoveryState {
    #[default]
    Here,
    /// Its connection was lost; it may resume.
    Away,
    /// It resumed, and its new session has all of this.
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

    /// Returns `true` if the connection's task has offered the frames, and its transport took no more.
    pub(super) fn is_refused(&self) -> bool {
        self.blocked && !self.untold
    }

    pub(super) fn replay(&self) -> Option<&Replay> {
        self.rare.as_ref()?.replay.as_ref()
    }
}

/// Writing.
impl Queue {
    #[inline]
    pub(super) fn has_something(&self) -> bool {
        (self.open && !self.waiting.is_empty()) || self.pongs().is_some()
    }

    pub(super) fn push_pong(&mut self, pong: &[u8]) {
        self.rare().pongs.get_or_insert_default().push(pong);
    }

    /// Throws away all that is not begun.
    pub(super) fn discard(&mut self) {
        self.waiting.discard();
        self.forget_pongs(|pongs| !pongs.is_begun());
    }

    /// All pongs, as one piece of which so many bytes are written.
    pub(super) fn take_pongs(&mut self) -> Option<(Encoded, usize)> {
        self.rare.as_mut()?.pongs.take().map(Pongs::into_parts)
    }

    fn forget_pongs(&mut self, are_over: impl FnOnce(&Pongs) -> bool) {
        let Some(rare) = &mut self.rare else { return };
        rare.pongs.take_if(|pongs| are_over(pongs));
        self.forget_rare();
    }

    /// A burst has left.
    pub(super) fn forget_burst(&mut self) {
        let Some(rare) = &mut self.rare else { return };
        if rare.burst.take().is_some() {
            self.forget_rare();
        }
    }

    fn forget_rare(&mut self) {
        self.rare.take_if(|rare| {
            let Rare { pongs, end, replay, listener, burst } = &**rare;
            pongs.is_none() && end.is_none() && replay.is_none() && listener.is_none() && burst.is_none()
        });
    }

    /// Writes until all went out or `write` takes no more.
    #[inline]
    pub(super) fn write(&mut self, mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>) -> Poll<io::Result<()>> {
        while self.has_something() {
            // Nearly always there is nothing but one piece, and all of it goes out.
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
                    // What a format does not say waits as an empty frame.
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

    /// The bytes that go out next, where there is nothing to gather them with. Nothing is gathered for a transport that took
    /// no more, before it takes something.
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

    /// Copies whole frames, as many as fit, to leave in one write.
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
