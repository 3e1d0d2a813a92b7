//! Where a server listens.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, UnixListener};

use crate::gateway::StartError;

/// An address to listen on, or a listener that already does.
#[derive(Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// Host and port, such as `127.0.0.1:3000`; port 0 is any free one.
    Address(String),
    /// A listening TCP socket.
    Tcp(TcpListener),
    /// A listening Unix socket.
    Unix(UnixListener),
}

impl From<&str> for Endpoint {
    fn from(address: &str) -> Self {
        Self::Address(address.to_owned())
    }
}

impl From<String> for Endpoint {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self::Address(address.to_string())
    }
}

impl From<TcpListener> for Endpoint {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UnixListener> for Endpoint {
    fn from(listener: UnixListener) -> Self {
        Self::Unix(listener)
    }
}

/// A listener that listens.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The address a server turned out to listen on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LocalAddr {
    /// Host and port.
    Tcp(SocketAddr),
    /// A path, where the socket has one.
    Unix(Option<std::path::PathBuf>),
}

impl LocalAddr {
    /// Host and port, where it listens on TCP.
    #[must_use]
    pub fn as_tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl Endpoint {
    pub(crate) async fn listen(self) -> Result<(Listener, LocalAddr), StartError> {
        let address = match &self {
            Self::Address(address) => address.clone(),
            Self::Tcp(_) | Self::Unix(_) => "the given listener".to_owned(),
        };
        self.try_listen().await.map_err(|source| StartError::Listen { address, source })
    }

    async fn try_listen(self) -> io::Result<(Listener, LocalAddr)> {
        let listener = match self {
            Self::Address(address) => Listener::Tcp(TcpListener::bind(address).await?),
            Self::Tcp(listener) => Listener::Tcp(listener),
            Self::Unix(listener) => Listener::Unix(listener),
        };
        let local = match &listener {
            Listener::Tcp(listener) => LocalAddr::Tcp(listener.local_addr()?),
            Listener::Unix(listener) => LocalAddr::Unix(listener.local_addr()?.as_pathname().map(Into::into)),
        };
        Ok((listener, local))
    }
}

impl fmt::Display for LocalAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix(Some(path)) => write!(formatter, "unix:{}", path.display()),
            Self::Unix(None) => formatter.write_str("unix"),
        }
    }
}
