//! Streams of bytes to servers: the trait of what opens them, and the one that opens TCP.

mod tcp;
#[cfg(feature = "tls")]
mod tls;

use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use tcp::TcpConnector;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};

/// A stream of bytes to a server.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// The future of [`Connector::connect`].
pub type ConnectFuture = Pin<Box<dyn Future<Output = io::Result<Box<dyn ByteStream>>> + Send>>;

/// Opens the stream of bytes on which a client then speaks WebSocket or lines. Implement it to connect through a proxy, or in
/// memory; the default opens TCP, TLS for `wss:` and `tls:`, and Unix sockets for `unix:`.
pub trait Connector: Send + Sync + 'static {
    /// Begins to open a stream. Called once for each attempt.
    fn connect(&self, destination: &Destination<'_>) -> ConnectFuture;
}

/// Host, port and scheme of the URL.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Destination<'a> {
    /// Name or address of the host, that of IPv6 without brackets.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// `true` for `wss:`, `https:` and `tls:`.
    pub is_tls: bool,
    /// Path of the Unix socket of a `unix:` URL, which has no host and no port.
    pub unix: Option<&'a Path>,
}

impl fmt::Debug for dyn Connector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Connector")
    }
}
