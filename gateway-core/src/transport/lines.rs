//! Messages over a TCP or Unix stream, without frames of RFC 6455. As with a `WebSocket`, a connection has buffers only while
//! they hold bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

use crate::protocol::LineDecoder;
use crate::transport::connection_limiter::ConnectionPermit;
use crate::transport::websocket::{DRAINED_BYTES, Stream, with_buffer};
use crate::transport::{Broken, Deliver, Direct, Ending, Transport};

#[derive(Debug)]
pub(crate) struct Lines<S> {
    stream: S,
    decoder: LineDecoder,
    /// Bytes read but not yet delivered: those after the first message, or after a pause.
    held: Vec<u8>,
    input: Input,
    shut_down: bool,
    drained: usize,
    /// Number of bytes read.
    count: u64,
    /// Permit of the connection, if their number is limited.
    _present: Option<Box<ConnectionPermit>>,
}

/// The state of the client's half of the stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Input {
    Open,
    /// Ended, and not yet reported.
    Ended,
    Reported,
}

impl<S: Stream> Lines<S> {
    /// Creates a connection after its first message. `read_ahead` holds the bytes behind it.
    pub(crate) fn new(stream: S, read_ahead: Vec<u8>, decoder: LineDecoder) -> Self {
        let count = read_ahead.len() as u64;
        let (input, shut_down) = (Input::Open, false);
        Self { stream, decoder, held: read_ahead, input, shut_down, drained: 0, count, _present: None }
    }

    /// Attaches the permit that counts this connection, for as long as the transport lives.
    pub(crate) fn holding(self, present: Option<Box<ConnectionPermit>>) -> Self {
        Self { _present: present, ..self }
    }

    fn deliver_held(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Result<(), Broken> {
        let mut held = std::mem::take(&mut self.held);
        let taken = self.decoder.feed(&held, &mut |received| deliver(received, context)).map_err(Broken::Violation)?;
        if taken < held.len() {
            held.drain(..taken);
            self.held = held;
        }
        Ok(())
    }

    fn read(
        &mut self,
        context: &mut Context<'_>,
        deliver: &mut Deliver<'_>,
        buffer: &mut [u8],
    ) -> Poll<Result<(), Broken>> {
        let mut read = ReadBuf::new(buffer);
        if ready!(Pin::new(&mut self.stream).poll_read(context, &mut read)).is_err() {
            return Poll::Ready(Err(Broken::Lost));
        }
        let read = read.filled();
        if read.is_empty() {
            self.input = Input::Ended;
            let finished = self.decoder.finish(&mut |received| deliver(received, context));
            return Poll::Ready(finished.map_err(Broken::Violation));
        }
        self.count += read.len() as u64;
        let taken = self.decoder.feed(read, &mut |received| deliver(received, context)).map_err(Broken::Violation)?;
        self.held.extend_from_slice(&read[taken..]);
        Poll::Ready(Ok(()))
    }

    /// Reads and drops bytes until the peer stops or exceeds [`DRAINED_BYTES`], so that a reset does not lose the last lines.
    fn poll_drain(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        while self.input == Input::Open && self.drained < DRAINED_BYTES {
            let mut read = ReadBuf::new(buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => self.drained += read.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<S: Stream> Transport for Lines<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        if !self.held.is_empty() {
            return Poll::Ready(self.deliver_held(context, deliver));
        }
        match self.input {
            Input::Open => with_buffer(|buffer| self.read(context, deliver, buffer)),
            Input::Ended => {
                self.input = Input::Reported;
                Poll::Ready(Err(Broken::HalfClosed))
            }
            // The end of the stream itself is seen by the next write.
            Input::Reported => Poll::Pending,
        }
    }

    fn received(&self) -> u64 {
        self.count
    }

    fn assembling(&self) -> Option<u64> {
        self.decoder.assembling()
    }

    fn poll_write(&mut self, context: &mut Context<'_>, messages: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, messages)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Ends the server's half and waits for the end of the client's: clients answer no close message, and some are people.
    fn poll_close(&mut self, context: &mut Context<'_>, _: Ending) -> Poll<()> {
        if !self.shut_down {
            // Errors do not matter for a peer that has disconnected.
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
            self.shut_down = true;
        }
        with_buffer(|buffer| self.poll_drain(context, buffer))
    }

    fn direct(&self) -> Option<Direct> {
        self.stream.direct()
    }
}
