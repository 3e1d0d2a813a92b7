//! Packets gathered for a waiting GET.

use std::mem;
use std::task::{Context, Poll, Waker};

use crate::protocol::OpCode;
use crate::protocol::engine_io::PayloadWriter;

/// A packet without data.
pub(super) const CLOSE: &[u8] = b"1";
pub(super) const NOOP: &[u8] = b"6";
/// Maximum bytes of packets in one response; the rest goes into the next.
const RESPONSE_BYTES: usize = 256 * 1024;

/// The waiting GET, if any, and its packets.
#[derive(Default)]
pub(super) struct PendingGet {
    get: Option<Get>,
    gathered: PayloadWriter,
}

/// State of the current GET.
#[derive(Default)]
struct Get {
    waker: Option<Waker>,
    /// The response has packets. More may be added until the GET's own task runs.
    is_due: bool,
    /// The response is complete.
    is_full: bool,
}

impl Get {
    fn due(&mut self) {
        self.is_due = true;
        wake(&mut self.waker);
    }
}

impl PendingGet {
    /// Registers a waiting GET. There must be none.
    pub(super) fn begin(&mut self) {
        self.get = Some(Get::default());
    }

    /// Handles a GET that was dropped: its packets are lost.
    pub(super) fn abandon(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.get.is_some()
    }

    /// Returns `true` if a GET is waiting and its response is not full.
    pub(super) fn takes_more(&self) -> bool {
        self.get.as_ref().is_some_and(|get| !get.is_full)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }

    /// Adds a message. Control frames are ignored: only a WebSocket has a use for them.
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

    /// Adds the last packet of the response.
    pub(super) fn end_with(&mut self, packet: &[u8]) {
        self.gathered.text(packet);
        self.seal();
    }

    /// Answers the waiting GET, if any. The response has `packet` if it would be empty otherwise.
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

    /// Polled by the GET in its own task.
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
