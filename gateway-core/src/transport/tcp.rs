//! TCP and Unix streams. What is read by one task may be written from any, so the halves share the socket behind a
//! counter; nothing is locked.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

#[cfg(not(target_vendor = "apple"))]
use rustix::net::SendFlags;
use rustix::net::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream, tcp, unix};

use crate::transport::DirectWrite;
use crate::transport::websocket::Stream;

/// A socket in two halves.
#[derive(Debug)]
pub(crate) struct Socket<R, W> {
    reader: R,
    writer: Arc<W>,
}

/// The writing half of a socket, usable by reference.
pub(crate) trait Writer: fmt::Debug + Send + Sync + 'static {
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn shut_down(&self) -> io::Result<()>;
}

macro_rules! halves {
    ($stream:ty, $reader:ty, $writer:ty) => {
        impl From<$stream> for Socket<$reader, $writer> {
            fn from(stream: $stream) -> Self {
                let (reader, writer) = stream.into_split();
                Self { reader, writer: Arc::new(writer) }
            }
        }

        impl Writer for $writer {
            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.try_write(bytes)
            }

            fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.as_ref().poll_write_ready(context)
            }

            fn shut_down(&self) -> io::Result<()> {
                rustix::net::shutdown(self.as_ref(), Shutdown::Write).map_err(Into::into)
            }
        }

        impl DirectWrite for $writer {
            // Not by the runtime's `try_write`, which first looks at what the runtime knows of the socket: memory that
            // nothing else of a broadcast touches. What is refused here is found by the connection's task, which does look.
            fn try_write(&self, frames: &[u8]) -> io::Result<usize> {
                #[cfg(target_vendor = "apple")]
                return self.write(frames);
                #[cfg(not(target_vendor = "apple"))]
                rustix::net::send(self.as_ref(), frames, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map_err(Into::into)
            }
        }
    };
}

halves!(TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf);
halves!(UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf);

impl<R: AsyncRead + Send + Unpin + 'static, W: Writer + DirectWrite> Stream for Socket<R, W> {
    fn direct(&self) -> Option<Arc<dyn DirectWrite>> {
        Some(Arc::clone(&self.writer) as Arc<dyn DirectWrite>)
    }
}

impl<R: AsyncRead + Unpin, W> AsyncRead for Socket<R, W> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

impl<R: Unpin, W: Writer> AsyncWrite for Socket<R, W> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.writer.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.writer.poll_writable(context))?,
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.writer.shut_down())
    }
}
