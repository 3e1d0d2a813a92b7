//! Engine.IO over a WebSocket: one packet per message.

mod probe;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::timeout;

pub(crate) use probe::{ProbeTimeouts, dismiss, upgrade};

use crate::protocol::engine_io::EnginePacket;
use crate::protocol::{CloseCode, Deflating, Disconnect, Encoded, Flow, OpCode, ReceivedMessage, Violation};
use crate::transport::{Broken, Deliver, Direct, Ending, Transport};

/// A connection after its open packet, or after an upgrade from long polling.
#[derive(Debug)]
pub(crate) struct EngineTransport<T>(T);

impl<T: Transport> EngineTransport<T> {
    /// Wraps a connection that has already got its open packet.
    pub(crate) fn new(inner: T) -> Self {
        Self(inner)
    }

    /// Writes the open packet. Returns `None` if the client has disconnected or does not read it in time.
    pub(crate) async fn open(mut inner: T, packet: &str, within: Duration) -> Option<Self> {
        let frame = Encoded::frame(OpCode::Text, packet.as_bytes());
        let written = timeout(within, write_all(&mut inner, frame.as_slice())).await;
        matches!(written, Ok(Ok(()))).then_some(Self(inner))
    }
}

/// Writes all frames.
async fn write_all<T: Transport + ?Sized>(transport: &mut T, mut frames: &[u8]) -> io::Result<()> {
    poll_fn(|context| {
        while !frames.is_empty() {
            match ready!(transport.poll_write(context, frames))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => frames = &frames[written..],
            }
        }
        transport.poll_flush(context)
    })
    .await
}

impl<T: Transport> Transport for EngineTransport<T> {
    fn greet(&mut self) {
        self.0.greet();
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        let mut violated = None;
        let received = self.0.poll_receive(context, &mut |received, context| match received {
            ReceivedMessage::Text(text) => {
                // The usual case.
                if let Some(message) = text.strip_prefix('4') {
                    return deliver(ReceivedMessage::Text(message), context);
                }
                EnginePacket::read(text).and_then(|packet| hear(packet, context, deliver)).unwrap_or_else(|violation| {
                    violated = Some(violation);
                    Flow::Pause
                })
            }
            other @ (ReceivedMessage::Binary(_)
            | ReceivedMessage::Ping(_)
            | ReceivedMessage::Pong
            | ReceivedMessage::Close(_)) => deliver(other, context),
        });
        match violated {
            Some(Violation { why }) => Poll::Ready(Err(Broken::Violation(Disconnect::new(CloseCode::NO_STATUS, why)))),
            None => received,
        }
    }

    fn absorb(&mut self, context: &mut Context<'_>) {
        self.0.absorb(context);
    }

    fn received(&self) -> u64 {
        self.0.received()
    }

    fn assembling(&self) -> Option<u64> {
        self.0.assembling()
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.0.poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_flush(context)
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        self.0.poll_close(context, ending)
    }

    fn direct(&self) -> Option<Direct> {
        self.0.direct()
    }

    fn deflating(&self) -> Option<Deflating> {
        self.0.deflating()
    }
}

/// Applies a packet to an open session.
pub(super) fn hear(
    packet: EnginePacket<'_>,
    context: &mut Context<'_>,
    deliver: &mut Deliver<'_>,
) -> Result<Flow, Violation> {
    match packet {
        EnginePacket::Message(text) => Ok(deliver(ReceivedMessage::Text(text), context)),
        EnginePacket::Binary(bytes) => Ok(deliver(ReceivedMessage::Binary(&bytes), context)),
        EnginePacket::Pong(_) => Ok(deliver(ReceivedMessage::Pong, context)),
        EnginePacket::Close => Ok(deliver(ReceivedMessage::Close(None), context)),
        // In Engine.IO 4 the server pings and the client answers.
        EnginePacket::Ping(_) => Err(Violation::new("invalid heartbeat direction")),
        // The reference server ignores unexpected packets of these types.
        EnginePacket::Open(_) | EnginePacket::Upgrade | EnginePacket::Noop => Ok(Flow::Continue),
    }
}
