//! One stream of an HTTP/2 connection as a byte stream (RFC 8441 §5). Bytes that arrive are taken out of the connection at
//! once, because unread frames of one stream would hinder all others; their room in the flow control is given back when they
//! are read, so that a peer whose bytes nobody reads has to wait, and its neighbours do not.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{Reason, RecvStream, SendStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::websocket::Stream;

/// Both directions of one stream. Dropped before [`shut_down`](AsyncWrite::poll_shutdown), it is reset with `CANCEL`.
pub(crate) struct Http2Stream {
    sending: SendStream<Bytes>,
    receiving: RecvStream,
    /// Bytes that were taken out of the connection and not yet read; at most the stream's window.
    held: Vec<u8>,
    /// Number of those that were read.
    taken: usize,
    /// The end of what the peer sends, once it was seen.
    ended: Option<Result<(), Reason>>,
    is_shut_down: bool,
}

impl Http2Stream {
    pub(crate) fn new(sending: SendStream<Bytes>, receiving: RecvStream) -> Self {
        Self { sending, receiving, held: Vec::new(), taken: 0, ended: None, is_shut_down: false }
    }

    /// The next frame's bytes; `None` at the end.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        match ready!(self.receiving.poll_data(context)) {
            Some(Ok(bytes)) => return Poll::Ready(Some(bytes)),
            Some(Err(error)) => self.ended = Some(Err(error.reason().unwrap_or(Reason::INTERNAL_ERROR))),
            None => self.ended = Some(Ok(())),
        }
        Poll::Ready(None)
    }

    /// Copies what is held, and lets go of the memory once it is empty.
    fn read_held(&mut self, buffer: &mut ReadBuf<'_>) -> usize {
        let held = &self.held[self.taken..];
        let read = held.len().min(buffer.remaining());
        buffer.put_slice(&held[..read]);
        self.taken += read;
        if self.taken == self.held.len() {
            (self.held, self.taken) = (Vec::new(), 0);
        }
        read
    }

    /// Gives back the room of bytes that were read. The peer hears of it when half of the window is free.
    fn release(&mut self, read: usize) {
        // Fails for more than was received only.
        let _ = self.receiving.flow_control().release_capacity(read);
    }
}

impl Stream for Http2Stream {
    fn absorb(&mut self, context: &mut Context<'_>) {
        if self.taken > 0 {
            self.held.drain(..self.taken);
            self.taken = 0;
        }
        while let Poll::Ready(Some(bytes)) = self.poll_data(context) {
            self.held.extend_from_slice(&bytes);
        }
    }

    /// A reset behind the last frame may reach the peer's reader before the frame does.
    fn lingers(&self) -> bool {
        true
    }
}

impl AsyncRead for Http2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut read = self.read_held(buffer);
        while self.held.is_empty() && buffer.remaining() > 0 {
            let Poll::Ready(Some(mut bytes)) = self.poll_data(context) else { break };
            let fits = bytes.len().min(buffer.remaining());
            buffer.put_slice(&bytes[..fits]);
            bytes.advance(fits);
            self.held.extend_from_slice(&bytes);
            read += fits;
        }
        if read > 0 {
            self.release(read);
            return Poll::Ready(Ok(()));
        }
        match self.ended {
            // RFC 8441 §5: the reset is what the end of a TCP connection by a reset is.
            Some(Err(_)) => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Some(Ok(())) => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    }
}

impl AsyncWrite for Http2Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_shut_down {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.sending.reserve_capacity(bytes.len());
        while self.sending.capacity() == 0 {
            match self.sending.poll_capacity(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
                Poll::Pending => {
                    // Whoever writes may not read meanwhile.
                    self.absorb(context);
                    return Poll::Pending;
                }
            }
        }
        let fits = self.sending.capacity().min(bytes.len());
        let sent = self.sending.send_data(Bytes::copy_from_slice(&bytes[..fits]), false);
        Poll::Ready(sent.map(|()| fits).map_err(|_| io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !std::mem::replace(&mut self.is_shut_down, true) {
            // Fails where the stream is over.
            let _ = self.sending.send_data(Bytes::new(), true);
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Http2Stream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Http2Stream")
            .field("id", &self.receiving.stream_id())
            .field("held", &(self.held.len() - self.taken))
            .finish_non_exhaustive()
    }
}
