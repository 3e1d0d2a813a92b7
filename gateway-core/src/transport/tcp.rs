//! TCP streams, and Unix streams where available. A stream is read by one task and written from any, so it is reference
//! counted; nothing is locked.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

#[cfg(all(unix, not(target_vendor = "apple")))]
use rustix::net::SendFlags;
use rustix::net::{RecvFlags, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use crate::transport::event_stream::BodyChannel;
use crate::transport::websocket::Stream;

/// A shared kernel stream.
#[derive(Debug)]
pub(crate) struct SharedStream<S>(Arc<S>);

impl<S> From<S> for SharedStream<S> {
    fn from(stream: S) -> Self {
        Self(Arc::new(stream))
    }
}

/// A writer directly to a peer's socket, without its task. A broadcast uses thousands of these, so the descriptor is one
/// pointer away.
#[derive(Clone, Debug)]
pub(crate) enum Direct {
    Tcp(Arc<TcpStream>),
    #[cfg(unix)]
    Unix(Arc<UnixStream>),
    /// The body of a response.
    Body(Arc<BodyChannel>),
    #[cfg(test)]
    Test(Arc<dyn SystemWrite>),
}

impl Direct {
    /// Writes as much as is accepted at once; `WouldBlock` if nothing is.
    ///
    /// Does not use the runtime's `try_write`, which first reads the runtime's state of the socket: memory that a broadcast
    /// does not touch otherwise. A refused write is retried by the connection's task, which uses the runtime.
    #[inline]
    pub(crate) fn try_write(&self, frames: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.send(frames),
            #[cfg(unix)]
            Self::Unix(stream) => stream.send(frames),
            Self::Body(channel) => channel.send(frames),
            #[cfg(test)]
            Self::Test(stream) => stream.send(frames),
        }
    }
}

/// A stream that any task can write to.
pub(crate) trait SystemWrite: fmt::Debug + Send + Sync + 'static {
    /// Writes as much as is accepted at once, without the runtime; `WouldBlock` if nothing is.
    fn send(&self, bytes: &[u8]) -> io::Result<usize>;
}

/// Operations that TCP and Unix streams share, usable by reference.
pub(crate) trait SystemSocket: SystemWrite {
    fn write(&self, bytes: &[u8]) -> io::Result<usize>;
    fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;
    fn shut_down(&self) -> io::Result<()>;
    fn limit_unacknowledged(&self, time: Duration);
    fn direct(stream: &Arc<Self>) -> Direct;
}

macro_rules! kernel {
    ($stream:ty, $direct:ident) => {
        impl SystemWrite for $stream {
            #[inline]
            fn send(&self, bytes: &[u8]) -> io::Result<usize> {
                // Without a flag against `SIGPIPE`, or without rustix's flags: the portable path by the runtime.
                #[cfg(any(not(unix), target_vendor = "apple"))]
                return self.try_write(bytes);
                #[cfg(all(unix, not(target_vendor = "apple")))]
                rustix::net::send(self, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT).map_err(Into::into)
            }
        }

        impl SystemSocket for $stream {
            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                self.try_write(bytes)
            }

            fn poll_writable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_write_ready(context)
            }

            fn poll_read(&self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                loop {
                    ready!(self.poll_read_ready(context))?;
                    let room = buffer.initialize_unfilled();
                    let mut count = 0;
                    let read = self.try_io(Interest::READABLE, || {
                        (count, _) = rustix::net::recv(self, &mut *room, RecvFlags::empty())?;
                        // A short read has emptied the kernel's buffer, so the runtime needs no other read to find out.
                        let is_all = count > 0 && count < room.len();
                        if is_all { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
                    });
                    match read {
                        Err(error) if count == 0 && error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) if count == 0 => return Poll::Ready(Err(error)),
                        Ok(()) | Err(_) => {
                            buffer.advance(count);
                            return Poll::Ready(Ok(()));
                        }
                    }
                }
            }

            fn shut_down(&self) -> io::Result<()> {
                rustix::net::shutdown(self, Shutdown::Write).map_err(Into::into)
            }

            fn limit_unacknowledged(&self, time: Duration) {
                // A Unix stream has nothing on its way, and refuses.
                #[cfg(any(target_os = "linux", target_os = "android"))]
                let _ = rustix::net::sockopt::set_tcp_user_timeout(
                    self,
                    u32::try_from(time.as_millis()).unwrap_or(u32::MAX),
                );
                #[cfg(not(any(target_os = "linux", target_os = "android")))]
                let _ = time;
            }

            fn direct(stream: &Arc<Self>) -> Direct {
                Direct::$direct(Arc::clone(stream))
            }
        }
    };
}

kernel!(TcpStream, Tcp);
#[cfg(unix)]
kernel!(UnixStream, Unix);

impl<S: SystemSocket> Stream for SharedStream<S> {
    fn direct(&self) -> Option<Direct> {
        Some(S::direct(&self.0))
    }

    fn limit_unacknowledged(&self, time: Duration) {
        self.0.limit_unacknowledged(time);
    }
}

impl<S: SystemSocket> AsyncRead for SharedStream<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.poll_read(context, buffer)
    }
}

impl<S: SystemSocket> AsyncWrite for SharedStream<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready!(self.0.poll_writable(context))?,
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shut_down())
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_peer_that_acknowledges_nothing_has_as_long_as_it_is_given() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let shared: Box<dyn Stream> = Box::new(SharedStream::from(stream));
        let Some(Direct::Tcp(below)) = shared.direct() else { panic!("it is a TCP stream") };
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&*below).unwrap(), 0);
        shared.limit_unacknowledged(Duration::from_secs(35));
        assert_eq!(rustix::net::sockopt::tcp_user_timeout(&*below).unwrap(), 35_000);
    }
}
