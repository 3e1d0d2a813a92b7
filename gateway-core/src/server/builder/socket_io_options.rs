//! Options of Socket.IO and of Engine.IO alone. Names and defaults are those of the reference server.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::server::engine_io::{Cors, EngineOptions, InitialHeaders, Parser, SessionCookie, TransportName};
use crate::server::handshake_check::{HandshakeCheck, HandshakeRejection};
#[cfg(feature = "deflate")]
use crate::transport::Deflate;
use crate::transport::Handshake;

/// Options of Socket.IO. Socket.IO is enabled by default, with the default options.
///
/// ```
/// use std::time::Duration;
///
/// use gateway_core::prelude::*;
/// use gateway_core::socket_io::{Cors, SocketIo};
///
/// let options = SocketIo::new().path("/realtime/").ping_interval(Duration::from_secs(10)).cors(Cors::any());
/// let server = Server::new().socket_io(options);
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(transparent))]
#[must_use = "options do nothing before a server has them"]
pub struct SocketIo {
    pub(crate) engine: EngineOptions,
}

/// Options of a raw gateway that is served over Engine.IO, without Socket.IO.
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_core::socket_io::{EngineIo, TransportName};
///
/// let options = EngineIo::new().transports([TransportName::WebSocket]);
/// let server = Server::new().engine_io("/engine.io/", "/echo", options);
/// ```
#[derive(Clone, Debug, Default)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(try_from = "EngineOptions"))]
#[must_use = "options do nothing before a server has them"]
pub struct EngineIo {
    pub(crate) engine: EngineOptions,
}

impl SocketIo {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the path. Default `/socket.io/`. A missing slash at the end is added, so that only paths below it match.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.engine.path = path.into();
        self
    }

    /// Sets the time a connection may have no namespace before it is closed. Default 45 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.engine.connect_timeout = time;
        self
    }

    /// Sets the encoding of packets; clients must use the same one. Default [`Parser::Json`].
    pub fn parser(mut self, parser: Parser) -> Self {
        self.engine.parser = parser;
        self
    }

    /// Serves a file of the JavaScript client, such as `socket.io.min.js`, under the path. Corresponds to the reference
    /// server's `serveClient`; the application provides the file.
    ///
    /// ```
    /// # use gateway_core::socket_io::SocketIo;
    /// # let bundle = "";
    /// // let bundle = include_str!("../node_modules/socket.io-client/dist/socket.io.min.js");
    /// let options = SocketIo::new().client_bundle("socket.io.min.js", bundle);
    /// ```
    pub fn client_bundle(mut self, name: impl Into<String>, file: impl Into<Bytes>) -> Self {
        self.engine.bundle.add(name.into(), file.into());
        self
    }
}

#[cfg(feature = "config")]
impl TryFrom<EngineOptions> for EngineIo {
    type Error = &'static str;

    fn try_from(engine: EngineOptions) -> Result<Self, &'static str> {
        let EngineOptions { path, parser, connect_timeout, .. } = EngineOptions::default();
        let is_plain = engine.path == path && engine.parser == parser && engine.connect_timeout == connect_timeout;
        if is_plain { Ok(Self { engine }) } else { Err("`path`, `parser` and `connect_timeout` belong to Socket.IO") }
    }
}

impl EngineIo {
    /// Creates the default options.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Options common to Socket.IO and Engine.IO, documented once.
macro_rules! engine_options {
    ($options:ty) => {
        impl $options {
            /// Sets the enabled transports. Default: both.
            pub fn transports(mut self, names: impl IntoIterator<Item = TransportName>) -> Self {
                self.engine.transports = names.into_iter().collect();
                self
            }

            /// Allows a long-polling session to upgrade to WebSocket. Default on.
            pub fn allow_upgrades(mut self, on: bool) -> Self {
                self.engine.allow_upgrades = on;
                self
            }

            /// Sets the time to the next ping, counted from the start and from each pong. Default 25 s.
            pub fn ping_interval(mut self, time: Duration) -> Self {
                self.engine.ping_interval = time;
                self
            }

            /// Sets the time to wait for a pong before the connection is closed. Default 20 s.
            pub fn ping_timeout(mut self, time: Duration) -> Self {
                self.engine.ping_timeout = time;
                self
            }

            /// Sets the time limit of an upgrade to WebSocket. After it the WebSocket is closed and the session stays on
            /// polling. Default 10 s.
            pub fn upgrade_timeout(mut self, time: Duration) -> Self {
                self.engine.upgrade_timeout = time;
                self
            }

            /// Sets the maximum size of a WebSocket message and of a request body, in bytes. Default 1 000 000.
            pub fn max_http_buffer_size(mut self, bytes: usize) -> Self {
                self.engine.max_http_buffer_size = bytes;
                self
            }

            /// Sets further pages that may use this path, besides those of the server's own host and of the server's allowed
            /// origins. Default: none.
            pub fn cors(mut self, cors: Cors) -> Self {
                self.engine.cors = Some(cors);
                self
            }

            /// Sets a cookie with the session's id. Default: none.
            pub fn cookie(mut self, cookie: SessionCookie) -> Self {
                self.engine.cookie = Some(cookie);
                self
            }

            /// Runs `check` before each handshake, after [`Server::allow_request`](crate::Server::allow_request). The client
            /// receives the refusal's text; for a WebSocket request the status is always 400.
            pub fn allow_request<F, A>(mut self, check: F) -> Self
            where
                F: Fn(Handshake) -> A + Send + Sync + 'static,
                A: Future<Output = Result<(), HandshakeRejection>> + Send + 'static,
            {
                self.engine.allow_request = Some(HandshakeCheck::new(check));
                self
            }

            /// Calls `write` to add headers, such as cookies, to the response of each handshake. Corresponds to the reference
            /// server's event `initial_headers`.
            pub fn initial_headers(
                mut self,
                write: impl Fn(&mut HeaderMap, &Handshake) + Send + Sync + 'static,
            ) -> Self {
                self.engine.initial_headers = Some(InitialHeaders::new(write));
                self
            }

            /// Compresses WebSocket messages with these options for clients that offer it. Default: the options of
            /// [`Server::deflate`](crate::Server::deflate), so off unless that is set.
            #[cfg(feature = "deflate")]
            pub fn per_message_deflate(mut self, deflate: Deflate) -> Self {
                self.engine.per_message_deflate = Some(deflate);
                self
            }

            /// Compresses poll responses of at least `threshold` bytes for clients that accept gzip or deflate. Default off,
            /// unlike the reference server: compression costs time, and the compressed length leaks information about
            /// secrets next to text that an attacker controls.
            #[cfg(feature = "http-compression")]
            pub fn http_compression(mut self, threshold: usize) -> Self {
                self.engine.http_compression = Some(threshold);
                self
            }
        }
    };
}

engine_options!(SocketIo);
engine_options!(EngineIo);
