//! Packets gathered for a waiting GET.

use std::mem;
use std::task::{Context, Poll, Waker};

use crate::protocol::OpCode;
use crate::protocol::engine_io::PayloadWriter;

/// The packets that carry nothing.
pub(super) const CLOSE: &[u8] = b"1";
pub(super) const NOOP: &[u8] = b"6";
/// Bytes of packets that leave in one response: what waits longer than that can leave with the next.
const RESPONSE_BYTES: usize = 256 * 1024;

/// At most one GET, and its packets.
#[derive(Default)]
pub(super) struct PendingGet {
    get: Option<Get>,
    gathered: PayloadWriter,
}

/// A GET that is under way.
#[derive(Default)]
struct Get {
    waker: Option<Waker>,
    /// It has something to take. It does so in its own task: until then more is added.
    is_due: bool,
    /// That is all it takes.
    is_full: bool,
}

impl Get {
    fn due(&mut self) {
        self.is_due = true;
        wake(&mut self.waker);
    }
}

impl PendingGet {
    /// A GET begins to wait; none does.
    pub(super) fn begin(&mut self) {
        self.get = Some(Get::default());
    }

    /// It was given up, and what was gathered for it is lost.
    pub(super) fn abandon(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.get.is_some()
    }

    /// Returns `true` if a GET waits that can take more.
    pub(super) fn takes_more(&self) -> bool {
        self.get.as_ref().is_some_and(|get| !get.is_full)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }

    /// Adds a message; control frames are of use to a WebSocket only.
    pub(super) fn add(&mut self, opcode: OpCode, payload: &[u8]) {
        match opcode {
            OpCode::Text => self.gathered.text(payload),
            OpCode::Binary => self.gathered.binary(payload),
            OpCode::Close | OpCode::Ping | OpCode::Pong | OpCode::Continuation => {}
        }
        if self.gathered.len() >= RESPONSE_BYTES {
            self.seal();
        }
    }

    /// Adds a packet behind what was gathered, as the last.
    pub(super) fn end_with(&mut self, packet: &[u8]) {
        self.gathered.text(packet);
        self.seal();
    }

    /// Lets the GET go, if one waits, with this packet where there is no other.
    pub(super) fn release(&mut self, packet: &[u8]) {
        if self.takes_more() {
            if self.gathered.is_empty() {
                self.gathered.text(packet);
            }
            self.seal();
        }
    }

    /// Releases the gathered packets.
    pub(super) fn flush(&mut self) {
        if let Some(get) = self.get.as_mut().filter(|_| !self.gathered.is_empty()) {
            get.due();
        }
    }

    fn seal(&mut self) {
        if let Some(get) = &mut self.get {
            get.is_full = true;
            get.due();
        }
    }

    /// For the GET, in its own task.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Vec<u8>> {
        match &mut self.get {
            Some(get) if !get.is_due => {
                get.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(mem::take(self).gathered.into_body()),
        }
    }
}

pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}
