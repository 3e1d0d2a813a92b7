//! Endpoints that a server listens on.

use std::fmt;
use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;

use tokio::net::TcpListener;
#[cfg(unix)]
use tokio::net::UnixListener;

use crate::gateway::{Problem, StartError};
use crate::transport::Tls;

/// The beginning of an address that is the path of a Unix socket.
#[cfg(unix)]
const UNIX: &str = "unix:";

/// An address to listen on or an existing listener, with or without TLS.
///
/// Converts `From` `"127.0.0.1:3000"`, `"unix:/run/app.sock"`, `("127.0.0.1", 3000)`, a `SocketAddr`, and TCP and Unix
/// listeners of tokio and of the standard library. Port 0 selects any free port. A Unix socket's file stays when the server
/// ends; a file that nobody listens at is replaced.
#[derive(Debug)]
pub struct Endpoint {
    source: ListenSource,
    /// TLS for its streams.
    tls: Option<Tls>,
}

/// Source of connections.
#[derive(Debug)]
enum ListenSource {
    /// Addresses of the server's configuration.
    #[cfg(feature = "config")]
    Configured,
    Address(String),
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
    /// For example a listener passed by a supervisor.
    StdTcp(std::net::TcpListener),
    #[cfg(unix)]
    StdUnix(std::os::unix::net::UnixListener),
}

impl Endpoint {
    /// The addresses of `listen` in the server's [`ServerConfig`](crate::config::ServerConfig), with their TLS. A server that
    /// is served at another endpoint listens at them too.
    ///
    /// ```no_run
    /// use gateway_core::config::{ConfigReader, ServerConfig};
    /// use gateway_core::prelude::*;
    /// use gateway_core::serve::Endpoint;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), StartError> {
    /// let config: ServerConfig = ConfigReader::new().file("gateway.toml").environment("APP").read()?;
    /// Server::new().config(config).serve(Endpoint::configured()).await
    /// # }
    /// ```
    #[cfg(feature = "config")]
    #[must_use]
    pub fn configured() -> Self {
        ListenSource::Configured.into()
    }

    /// Returns `true` for the addresses of the configuration, which are among the others.
    #[cfg(feature = "config")]
    pub(crate) fn is_configured(&self) -> bool {
        matches!(self.source, ListenSource::Configured)
    }

    #[cfg(not(feature = "config"))]
    #[allow(clippy::unused_self, reason = "without a configuration no address is of it")]
    pub(crate) fn is_configured(&self) -> bool {
        false
    }

    /// Creates an endpoint for `https://` and `wss://`. An endpoint that already has TLS keeps its own.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(endpoint: impl Into<Self>, tls: Tls) -> Self {
        let Self { source, tls: own } = endpoint.into();
        Self { source, tls: own.or(Some(tls)) }
    }

    pub(crate) async fn listen(self) -> Result<(Listener, LocalAddr), StartError> {
        let Self { source, tls } = self;
        let address =
            if let ListenSource::Address(address) = &source { address } else { "the given listener" }.to_owned();
        let (incoming, local) = source.listen().await.map_err(|source| StartError::Listen { address, source })?;
        Ok((Listener { incoming, tls, speaks: Speaks::Http }, local))
    }
}

impl From<ListenSource> for Endpoint {
    fn from(source: ListenSource) -> Self {
        Self { source, tls: None }
    }
}

/// A value that a server can listen on: any type that converts into an [`Endpoint`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an address to listen on: an address has a host and a port",
    label = "no address",
    note = "write `\"127.0.0.1:3000\"`, or `(\"127.0.0.1\", 3000)` for a port that is a number; `\"0.0.0.0:3000\"` is every address of the machine"
)]
pub trait IntoEndpoint {
    #[doc(hidden)]
    fn into_endpoint(self) -> Endpoint;
}

#[diagnostic::do_not_recommend]
impl<T: Into<Endpoint>> IntoEndpoint for T {
    fn into_endpoint(self) -> Endpoint {
        self.into()
    }
}

impl From<&str> for Endpoint {
    fn from(address: &str) -> Self {
        ListenSource::Address(address.to_owned()).into()
    }
}

impl From<String> for Endpoint {
    fn from(address: String) -> Self {
        ListenSource::Address(address).into()
    }
}

impl From<(&str, u16)> for Endpoint {
    fn from((host, port): (&str, u16)) -> Self {
        // An IPv6 address stands in brackets before a port.
        ListenSource::Address(if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") })
            .into()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        ListenSource::Address(address.to_string()).into()
    }
}

impl From<TcpListener> for Endpoint {
    fn from(listener: TcpListener) -> Self {
        ListenSource::Tcp(listener).into()
    }
}

#[cfg(unix)]
impl From<UnixListener> for Endpoint {
    fn from(listener: UnixListener) -> Self {
        ListenSource::Unix(listener).into()
    }
}

impl From<std::net::TcpListener> for Endpoint {
    fn from(listener: std::net::TcpListener) -> Self {
        ListenSource::StdTcp(listener).into()
    }
}

#[cfg(unix)]
impl From<std::os::unix::net::UnixListener> for Endpoint {
    fn from(listener: std::os::unix::net::UnixListener) -> Self {
        ListenSource::StdUnix(listener).into()
    }
}

/// A bound listener.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) incoming: BoundListener,
    /// TLS for its streams, if any.
    pub(crate) tls: Option<Tls>,
    pub(crate) speaks: Speaks,
}

/// Protocol of a listener's clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    Http,
    /// Messages without HTTP: lines of JSON, or `MessagePack` behind its length.
    Lines,
}

/// Everything that a server listens on.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) listeners: Vec<Listener>,
    /// The address of the first.
    pub(crate) address: LocalAddr,
    /// The addresses for lines, in order.
    pub(crate) lines: Vec<LocalAddr>,
    pub(crate) monitoring: Option<(Listener, LocalAddr)>,
}

/// Everything that a server is to listen on.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) http: Vec<Endpoint>,
    pub(crate) lines: Vec<Endpoint>,
    pub(crate) monitoring: Option<Endpoint>,
}

impl Opened {
    pub(crate) async fn listen(endpoints: Endpoints) -> Result<Self, StartError> {
        let (mut listeners, mut addresses, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for endpoint in endpoints.http {
            let (listener, address) = endpoint.listen().await?;
            listeners.push(listener);
            addresses.push(address);
        }
        for endpoint in endpoints.lines {
            let (listener, address) = endpoint.listen().await?;
            listeners.push(Listener { speaks: Speaks::Lines, ..listener });
            lines.push(address);
        }
        let monitoring = match endpoints.monitoring {
            Some(endpoint) => Some(endpoint.listen().await?),
            None => None,
        };
        let address = addresses.into_iter().next();
        let address = address.ok_or_else(|| StartError::Problems(vec![Problem::no_address()]))?;
        Ok(Self { listeners, address, lines, monitoring })
    }
}

#[derive(Debug)]
pub(crate) enum BoundListener {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// The actual address a server listens on.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LocalAddr {
    /// Host and port.
    Tcp(SocketAddr),
    /// The path of a Unix socket, if it has one.
    Unix(Option<std::path::PathBuf>),
}

impl LocalAddr {
    /// Host and port, if this is a TCP address.
    #[must_use]
    pub fn as_tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl ListenSource {
    async fn listen(self) -> io::Result<(BoundListener, LocalAddr)> {
        let incoming = match self {
            #[cfg(feature = "config")]
            Self::Configured => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it stands for other endpoints"));
            }
            #[cfg(unix)]
            Self::Address(address) if address.starts_with(UNIX) => {
                BoundListener::Unix(bind_path(Path::new(&address[UNIX.len()..]))?)
            }
            Self::Address(address) if !address.contains(':') => {
                let text = format!("it has no port, as in `{address}:3000`");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            Self::Address(address) => BoundListener::Tcp(TcpListener::bind(address).await?),
            Self::Tcp(listener) => BoundListener::Tcp(listener),
            #[cfg(unix)]
            Self::Unix(listener) => BoundListener::Unix(listener),
            Self::StdTcp(listener) => {
                listener.set_nonblocking(true)?;
                BoundListener::Tcp(TcpListener::from_std(listener)?)
            }
            #[cfg(unix)]
            Self::StdUnix(listener) => {
                listener.set_nonblocking(true)?;
                BoundListener::Unix(UnixListener::from_std(listener)?)
            }
        };
        // A blocking listener, as a supervisor may pass it, would block a runtime thread at its first accept.
        match &incoming {
            BoundListener::Tcp(listener) => rustix::io::ioctl_fionbio(listener, true)?,
            #[cfg(unix)]
            BoundListener::Unix(listener) => rustix::io::ioctl_fionbio(listener, true)?,
        }
        let local = match &incoming {
            BoundListener::Tcp(listener) => LocalAddr::Tcp(listener.local_addr()?),
            #[cfg(unix)]
            BoundListener::Unix(listener) => LocalAddr::Unix(listener.local_addr()?.as_pathname().map(Into::into)),
        };
        Ok((incoming, local))
    }
}

/// Binds a Unix socket. A file that a server left behind which no longer listens is replaced.
#[cfg(unix)]
fn bind_path(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
            if !std::os::unix::net::UnixStream::connect(path).as_ref().is_err_and(refused) {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        bound => bound,
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
