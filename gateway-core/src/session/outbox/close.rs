//! End of an outbox: its reason, and the last frame.

use std::mem;
use std::sync::atomic::Ordering;

use crate::protocol::{CloseCode, Disconnect, Encoded};
use crate::session::DisconnectReason;
use crate::session::outbox::frame_queue::FrameQueue;
use crate::session::outbox::{Delivery, Outbox};

/// Extent of an end: one socket, or its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// The socket; its connection may serve others.
    Socket,
    /// Everything.
    Connection,
}

impl Outbox {
    /// Ends the connection after what is already queued; the first reason stays. Where the end is gentle, what was
    /// accepted is still answered, so only [`Outbox::close`] shuts its outboxes.
    pub(crate) fn end(&self, reason: DisconnectReason, scope: Scope) {
        {
            let mut queue = self.lock();
            queue.closed |= !reason.is_gentle();
            self.weigh(&mut queue);
            queue.rare().end.get_or_insert((reason, scope));
        }
        self.ending.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// Takes nothing more but `last`, which goes out after what waits. The connection's task writes it; nobody else holds
    /// on to the stream from now on.
    pub(crate) fn close(&self, last: Option<Encoded>) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.open = true;
        queue.direct = None;
        if let Some(last) = last {
            queue.waiting.push(last, Delivery::Answer);
        }
    }

    /// Returns `true` if an end was asked for. Cheap.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Reason and extent of the end, once one was asked for.
    pub(crate) fn ended(&self) -> Option<(DisconnectReason, Scope)> {
        if self.is_ending() { self.lock().end().cloned() } else { None }
    }

    /// Queues a frame also where nothing is taken any more: the last word to a client that was refused.
    pub(crate) fn push_last(&self, frame: Encoded) {
        let mut queue = self.lock();
        queue.waiting.push(frame, Delivery::Answer);
        self.weigh(&mut queue);
    }

    /// Throws away what waits: it was meant for a socket that was never accepted, or one that does not read.
    pub(crate) fn discard(&self) {
        let mut queue = self.lock();
        queue.discard();
        self.weigh(&mut queue);
    }

    /// Takes the frames that wait, pongs only where they are begun. The outbox accepts nothing any more.
    pub(super) fn give_up(&self) -> FrameQueue {
        let mut queue = self.lock();
        queue.closed = true;
        let mut waiting = mem::take(&mut queue.waiting);
        if let Some((pongs, written)) = queue.take_pongs().filter(|(_, written)| *written > 0) {
            waiting.push_first(pongs, Delivery::Answer);
            waiting.advance(written);
        }
        self.weigh(&mut queue);
        waiting
    }
}

impl DisconnectReason {
    /// Close reason for the client; `None` where the client does not listen any more.
    pub(crate) fn told(&self) -> Option<Disconnect> {
        match self {
            Self::Client(_) | Self::Left | Self::Lost | Self::Aborted | Self::Malformed(_) => None,
            Self::HeartbeatTimeout => Some(Disconnect::new(CloseCode::HEARTBEAT_TIMEOUT, "heartbeat timeout")),
            Self::TooSlow => Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")),
            Self::Violation(disconnect) | Self::Server(disconnect) => Some(disconnect.clone()),
            Self::Resumed => Some(Disconnect::new(CloseCode::RESUMED, "resumed elsewhere")),
            Self::Shutdown => Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")),
            Self::Lifetime => Some(Disconnect::new(CloseCode::LIFETIME, "lifetime over")),
        }
    }
}
