//! The byte stream below a response's body, where another HTTP implementation writes it: HTTP/2, TLS under a foreign
//! server, or a request that is not the first of its connection.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::sync::lock;
use crate::transport::tcp::SystemWrite;
use crate::transport::{Direct, Stream};

/// Bytes that wait for the HTTP connection; then writing waits.
const CAPACITY: usize = 64 * 1024;

/// Bytes on their way from a connection's task, or any other, to its body.
#[derive(Debug, Default)]
pub(crate) struct BodyChannel(Mutex<ChannelState>);

#[derive(Debug, Default)]
struct ChannelState {
    bytes: Vec<u8>,
    /// Set once nothing more is written.
    is_ended: bool,
    /// Set once the body was dropped.
    is_gone: bool,
    body: Option<Waker>,
    writer: Option<Waker>,
    reader: Option<Waker>,
}

/// The connection's end.
#[derive(Debug)]
pub(crate) struct ChannelStream(Arc<BodyChannel>);

/// The body's end.
pub(crate) struct ChannelBody(Arc<BodyChannel>);

/// Creates both ends.
pub(crate) fn body_channel() -> (ChannelStream, ChannelBody) {
    let channel = Arc::<BodyChannel>::default();
    (ChannelStream(Arc::clone(&channel)), ChannelBody(channel))
}

impl BodyChannel {
    fn lock(&self) -> MutexGuard<'_, ChannelState> {
        lock(&self.0)
    }
}

impl ChannelState {
    /// Takes as many bytes as there is room for. A writer that is blocked takes the room first.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_gone || self.is_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let taken = bytes.len().min(CAPACITY - self.bytes.len().min(CAPACITY));
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.bytes.extend_from_slice(&bytes[..taken]);
        wake(&mut self.body);
        Ok(taken)
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl SystemWrite for BodyChannel {
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().write(bytes)
    }
}

impl Stream for ChannelStream {
    fn direct(&self) -> Option<Direct> {
        Some(Direct::Body(Arc::clone(&self.0)))
    }
}

impl AsyncWrite for ChannelStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut channel = self.0.lock();
        match channel.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                channel.writer = Some(context.waker().clone());
                Poll::Pending
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut channel = self.0.lock();
        channel.is_ended = true;
        wake(&mut channel.body);
        Poll::Ready(Ok(()))
    }
}

/// Nothing is ever read; the end comes with the end of the body.
impl AsyncRead for ChannelStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut channel = self.0.lock();
        if channel.is_gone {
            return Poll::Ready(Ok(()));
        }
        channel.reader = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for ChannelStream {
    fn drop(&mut self) {
        let mut channel = self.0.lock();
        channel.is_ended = true;
        wake(&mut channel.body);
    }
}

impl Body for ChannelBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut channel = self.0.lock();
        if !channel.bytes.is_empty() {
            let bytes = Bytes::from(mem::take(&mut channel.bytes));
            wake(&mut channel.writer);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if channel.is_ended {
            return Poll::Ready(None);
        }
        channel.body = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for ChannelBody {
    fn drop(&mut self) {
        let mut channel = self.0.lock();
        channel.is_gone = true;
        wake(&mut channel.writer);
        wake(&mut channel.reader);
    }
}

impl fmt::Debug for ChannelBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ChannelBody")
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_within_a_bound_and_the_end_behind_them() {
        let (mut stream, mut body) = body_channel();
        let direct = stream.direct().unwrap();
        assert_eq!(direct.try_write(&vec![1; CAPACITY + 1]).unwrap(), CAPACITY);
        assert_eq!(direct.try_write(&[1]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let writing = tokio::spawn(async move {
            stream.write_all(&[2; 3]).await.unwrap();
            stream.shutdown().await.unwrap();
            stream
        });
        tokio::task::yield_now().await;
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), CAPACITY);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), &[2; 3][..]);
        assert!(body.frame().await.is_none());
        let mut stream = writing.await.unwrap();
        drop(body);
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(direct.try_write(&[1]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
