//! RFC 6455 over a byte stream. A connection has buffers only while they hold bytes: reads go into a buffer of the thread,
//! and complete messages are delivered directly from it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::protocol::{Deflating, Flow, FrameDecoder, ReceivedMessage};
use crate::transport::connection_limiter::ConnectionPermit;
use crate::transport::{Agreed, Broken, Deliver, Direct, Ending, Transport};

/// Size of a read: the usual content of a socket's buffer when a client sends faster than the server reads.
pub(super) const READ_BUFFER: usize = 64 * 1024;
/// Maximum number of bytes read and dropped at the end, so that a reset does not lose the close frame: more than both
/// sides' buffers hold.
pub(super) const DRAINED_BYTES: usize = 64 * 1024 * 1024;

thread_local! {
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BUFFER]);
}

/// A byte stream that may allow writes from other tasks.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    fn direct(&self) -> Option<Direct> {
        None
    }

    /// As [`Transport::absorb`].
    fn absorb(&mut self, _: &mut Context<'_>) {}

    /// Returns `true` if the end of what is written has to wait for the peer's own end before the stream is dropped.
    fn lingers(&self) -> bool {
        false
    }

    /// Ends the connection when the peer has not acknowledged bytes for this long, where the system can: the only sign of a
    /// network that has vanished from a client that never sends.
    fn limit_unacknowledged(&self, _: Duration) {}
}

/// A stream in memory.
#[cfg(feature = "testing")]
impl Stream for tokio::io::DuplexStream {}

/// The stream of a foreign HTTP server.
impl Stream for TokioIo<Upgraded> {}

impl Stream for Box<dyn Stream> {
    fn direct(&self) -> Option<Direct> {
        (**self).direct()
    }

    fn limit_unacknowledged(&self, time: Duration) {
        (**self).limit_unacknowledged(time);
    }
}

impl fmt::Debug for dyn Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stream")
    }
}

#[derive(Debug)]
pub(crate) struct WebSocket<S> {
    stream: S,
    decoder: FrameDecoder,
    /// Bytes read but not yet delivered: those after the request head, or after a pause.
    held: Vec<u8>,
    deflating: Option<Deflating>,
    shut_down: bool,
    drained: usize,
    /// Number of bytes read.
    count: u64,
    /// Permit of the connection, if their number is limited.
    _present: Option<Box<ConnectionPermit>>,
}

impl<S: Stream> WebSocket<S> {
    /// Creates a connection after its handshake. `read_ahead` holds bytes after the request head.
    pub(crate) fn new(stream: S, read_ahead: &Bytes, message_bytes: usize) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(message_bytes),
            held: read_ahead.to_vec(),
            deflating: None,
            shut_down: false,
            drained: 0,
            count: read_ahead.len() as u64,
            _present: None,
        }
    }

    /// Attaches the permit that counts this connection, for as long as the transport lives.
    pub(crate) fn holding(self, present: Option<Box<ConnectionPermit>>) -> Self {
        Self { _present: present, ..self }
    }

    /// Sets the compression negotiated in the handshake.
    pub(crate) fn with_deflate(mut self, agreed: Option<Agreed>) -> Self {
        if let Some(agreed) = agreed {
            self.decoder = self.decoder.with_inflater(agreed.inflater());
            self.deflating = agreed.deflating();
        }
        self
    }

    fn deliver_held(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Result<(), Broken> {
        let mut held = std::mem::take(&mut self.held);
        let taken =
            self.decoder.feed(&mut held, &mut |received| deliver(received, context)).map_err(Broken::Violation)?;
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
        if ready!(Pin::new(&mut self.stream).poll_read(context, &mut read)).is_err() || read.filled().is_empty() {
            return Poll::Ready(Err(Broken::Lost));
        }
        let read = read.filled_mut();
        self.count += read.len() as u64;
        let taken = self.decoder.feed(read, &mut |received| deliver(received, context)).map_err(Broken::Violation)?;
        self.held.extend_from_slice(&read[taken..]);
        Poll::Ready(Ok(()))
    }

    /// Reads and drops bytes until the peer stops or exceeds [`DRAINED_BYTES`].
    fn poll_drain(&mut self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<()> {
        while self.drained < DRAINED_BYTES {
            let mut read = ReadBuf::new(buffer);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut read)) {
                Ok(()) if !read.filled().is_empty() => self.drained += read.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }

    /// RFC 6455 §7.1.1: the server closes TCP after receiving the peer's close frame.
    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let answered = Cell::new(false);
        let mut look = |received: ReceivedMessage<'_>, _: &mut Context<'_>| {
            answered.set(matches!(received, ReceivedMessage::Close(_)));
            if answered.get() { Flow::Pause } else { Flow::Continue }
        };
        while !answered.get() && self.drained < DRAINED_BYTES && ready!(self.poll_receive(context, &mut look)).is_ok() {
            self.drained += READ_BUFFER;
        }
        Poll::Ready(())
    }
}

/// Runs a function with the thread's read buffer. Turns do not nest, so the buffer is free; a nested turn gets a new one.
pub(super) fn with_buffer<T>(run: impl FnOnce(&mut [u8]) -> T) -> T {
    READ.with(|buffer| match buffer.try_borrow_mut() {
        Ok(mut buffer) => run(&mut buffer),
        Err(_) => run(&mut vec![0; READ_BUFFER]),
    })
}

impl<S: Stream> Transport for WebSocket<S> {
    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        if !self.held.is_empty() {
            return Poll::Ready(self.deliver_held(context, deliver));
        }
        with_buffer(|buffer| self.read(context, deliver, buffer))
    }

    fn absorb(&mut self, context: &mut Context<'_>) {
        self.stream.absorb(context);
    }

    fn received(&self) -> u64 {
        self.count
    }

    fn assembling(&self) -> Option<u64> {
        self.decoder.assembling()
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        if ending == Ending::Awaited && !self.shut_down {
            ready!(self.poll_answer(context));
        }
        if !self.shut_down {
            // Errors do not matter for a peer that has disconnected.
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(context));
            self.shut_down = true;
        }
        match ending {
            Ending::Violated => with_buffer(|buffer| self.poll_drain(context, buffer)),
            Ending::Answered | Ending::Awaited if self.stream.lingers() => {
                with_buffer(|buffer| self.poll_drain(context, buffer))
            }
            Ending::Answered | Ending::Awaited => Poll::Ready(()),
        }
    }

    fn direct(&self) -> Option<Direct> {
        self.stream.direct()
    }

    fn deflating(&self) -> Option<Deflating> {
        self.deflating
    }
}
