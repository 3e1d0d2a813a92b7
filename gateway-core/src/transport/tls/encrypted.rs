//! One encrypted stream, from before its handshake.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::Accept;
use tokio_rustls::server::TlsStream;

use crate::transport::websocket::Stream;

/// Shakes hands in its first read. Nobody but its own task can write to it: what is written changes its state.
pub(crate) struct Encrypted<S>(State<S>);

enum State<S> {
    Handshake(Box<Accept<S>>),
    Open(Box<TlsStream<S>>),
    Failed,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Encrypted<S> {
    pub(super) fn new(accept: Accept<S>) -> Self {
        Self(State::Handshake(Box::new(accept)))
    }

    fn poll_open(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut TlsStream<S>>>> {
        if let State::Handshake(accept) = &mut self.0 {
            self.0 = match ready!(Pin::new(&mut **accept).poll(context)) {
                Ok(stream) => State::Open(Box::new(stream)),
                Err(error) => {
                    self.0 = State::Failed;
                    return Poll::Ready(Err(error));
                }
            };
        }
        Poll::Ready(match &mut self.0 {
            State::Open(stream) => Ok(Pin::new(&mut **stream)),
            State::Handshake(_) | State::Failed => Err(io::ErrorKind::NotConnected.into()),
        })
    }

    fn open(&mut self) -> Option<Pin<&mut TlsStream<S>>> {
        match &mut self.0 {
            State::Open(stream) => Some(Pin::new(&mut **stream)),
            State::Handshake(_) | State::Failed => None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_open(context))?.poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_open(context))?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open().map_or(Poll::Ready(Ok(())), |stream| stream.poll_flush(context))
    }

    /// Where hands were not shaken there is nothing to say goodbye to.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open().map_or(Poll::Ready(Ok(())), |stream| stream.poll_shutdown(context))
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for Encrypted<S> {}

impl<S> fmt::Debug for Encrypted<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.0 {
            State::Handshake(_) => "handshake",
            State::Open(_) => "open",
            State::Failed => "failed",
        };
        formatter.debug_tuple("Encrypted").field(&state).finish()
    }
}
