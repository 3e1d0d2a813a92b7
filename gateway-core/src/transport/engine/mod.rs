//! Engine.IO over a WebSocket: the open packet first, then one packet in each message.

mod probe;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

pub(crate) use probe::{Patience, dismiss, upgrade};

use crate::transport::{Broken, Deliver, DirectWrite, Ending, Transport};
use crate::wire::engine_io::Packet;
use crate::wire::{CloseCode, Disconnect, Encoded, Flow, OpCode, Received, Violation};

/// A connection that began as a WebSocket, or became one.
#[derive(Debug)]
pub(crate) struct EngineIo<T> {
    inner: T,
    /// What is left to write of the open packet.
    greeting: Vec<u8>,
}

impl<T: Transport> EngineIo<T> {
    /// A connection that begins with `open`, the packet.
    pub(crate) fn new(inner: T, open: &str) -> Self {
        Self { inner, greeting: Encoded::frame(OpCode::Text, open.as_bytes()).as_slice().to_vec() }
    }

    /// One that was greeted before it came here.
    fn upgraded(inner: T) -> Self {
        Self { inner, greeting: Vec::new() }
    }

    fn poll_greet(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.greeting.is_empty() {
            let written = ready!(self.inner.poll_write(context, &self.greeting))?;
            self.greeting.drain(..written);
            if self.greeting.is_empty() {
                self.greeting = Vec::new();
                return self.inner.poll_flush(context);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: Transport> Transport for EngineIo<T> {
    fn greet(&mut self) {
        self.inner.greet();
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        if !self.greeting.is_empty()
            && let Poll::Ready(Err(_)) = self.poll_greet(context)
        {
            return Poll::Ready(Err(Broken::Lost));
        }
        let mut violated = None;
        let received = self.inner.poll_receive(context, &mut |received, context| match received {
            Received::Text(text) => {
                Packet::read(text).and_then(|packet| hear(packet, context, deliver)).unwrap_or_else(|violation| {
                    violated = Some(violation);
                    Flow::Pause
                })
            }
            other @ (Received::Binary(_) | Received::Ping(_) | Received::Pong | Received::Close(_)) => {
                deliver(other, context)
            }
        });
        match violated {
            Some(Violation { why }) => Poll::Ready(Err(Broken::Violation(Disconnect::new(CloseCode::NO_STATUS, why)))),
            None => received,
        }
    }

    fn assembling(&self) -> Option<u64> {
        self.inner.assembling()
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        if !self.greeting.is_empty() {
            ready!(self.poll_greet(context))?;
        }
        self.inner.poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.inner.poll_flush(context)
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        self.inner.poll_close(context, ending)
    }

    fn direct(&self) -> Option<Arc<dyn DirectWrite>> {
        // Nothing overtakes the open packet.
        if self.greeting.is_empty() { self.inner.direct() } else { None }
    }
}

/// What a packet is to an open session.
pub(super) fn hear(
    packet: Packet<'_>,
    context: &mut Context<'_>,
    deliver: &mut Deliver<'_>,
) -> Result<Flow, Violation> {
    match packet {
        Packet::Message(text) => Ok(deliver(Received::Text(text), context)),
        Packet::Binary(bytes) => Ok(deliver(Received::Binary(&bytes), context)),
        Packet::Pong(_) => Ok(deliver(Received::Pong, context)),
        Packet::Close => Ok(deliver(Received::Close(None), context)),
        // In Engine.IO 4 the server asks and the client answers.
        Packet::Ping(_) => Err(Violation::new("invalid heartbeat direction")),
        // The reference ignores these where they do not belong.
        Packet::Open(_) | Packet::Upgrade | Packet::Noop => Ok(Flow::Continue),
    }
}
