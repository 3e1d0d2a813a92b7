//! Options of Socket.IO, and of Engine.IO alone. Names and defaults are the reference's.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use crate::server::engine_io::{Cors, EngineOptions, InitialHeaders, Parser, SessionCookie, TransportName};
use crate::server::handshake_check::{HandshakeCheck, HandshakeRejection};
#[cfg(feature = "deflate")]
use crate::transport::Deflate;
use crate::transport::Handshake;

/// Options of Socket.IO. It is on by default, with these options at their defaults.
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

/// Options of a raw gateway that is served by Engine.IO, without Socket.IO.
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
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The path. Default `/socket.io/`; a slash at its end is added where it is missing, so that it captures nothing
    /// but what is under it.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.engine.path = path.into();
        self
    }

    /// Sets the time a connection may be in no namespace before it is closed. Default 45 s.
    pub fn connect_timeout(mut self, time: Duration) -> Self {
        self.engine.connect_timeout = time;
        self
    }

    /// Sets the encoding of packets; the clients must be set to the same. Default [`Parser::Json`].
    pub fn parser(mut self, parser: Parser) -> Self {
        self.engine.parser = parser;
        self
    }

    /// Serves a file of the JavaScript client under the path, such as `socket.io.min.js`. The reference's `serveClient`;
    /// the file is the application's to give.
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
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }
}

/// Options that both have in common, documented once.
macro_rules! engine_options {
    ($options:ty) => {
        impl $options {
            /// The transports that are served. Default: both.
            pub fn transports(mut self, names: impl IntoIterator<Item = TransportName>) -> Self {
                self.engine.transports = names.into_iter().collect();
                self
            }

            /// Allows a session of long polling to move to a WebSocket. Default on.
            pub fn allow_upgrades(mut self, on: bool) -> Self {
                self.engine.allow_upgrades = on;
                self
            }

            /// Time from the beginning, and from each answer to a ping, to the next ping. Default 25 s.
            pub fn ping_interval(mut self, time: Duration) -> Self {
                self.engine.ping_interval = time;
                self
            }

            /// Sets the time the answer to a ping may take before the connection is closed. Default 20 s.
            pub fn ping_timeout(mut self, time: Duration) -> Self {
                self.engine.ping_timeout = time;
                self
            }

            /// Sets the time a WebSocket may take to take a session over. Then it is closed, and the session goes on by
            /// polling. Default 10 s.
            pub fn upgrade_timeout(mut self, time: Duration) -> Self {
                self.engine.upgrade_timeout = time;
                self
            }

            /// Bytes of one message of a WebSocket, and of one request's body. Default 1 000 000.
            pub fn max_http_buffer_size(mut self, bytes: usize) -> Self {
                self.engine.max_http_buffer_size = bytes;
                self
            }

            /// Sets the pages that may use this path beside those of the server's own host, and of the origins that the
            /// server allows. Default: none.
            pub fn cors(mut self, cors: Cors) -> Self {
                self.engine.cors = Some(cors);
                self
            }

            /// A cookie that names the session. Default: none.
            pub fn cookie(mut self, cookie: SessionCookie) -> Self {
                self.engine.cookie = Some(cookie);
                self
            }

            /// Asks `check` before each handshake, after what [`Server::allow_request`](crate::Server::allow_request)
            /// asks. The client reads the refusal's text; where it asked for a WebSocket the status is always 400.
            pub fn allow_request<F, A>(mut self, check: F) -> Self
            where
                F: Fn(Handshake) -> A + Send + Sync + 'static,
                A: Future<Output = Result<(), HandshakeRejection>> + Send + 'static,
            {
                self.engine.allow_request = Some(HandshakeCheck::new(check));
                self
            }

            /// Lets `write` add headers to the answer of each handshake, such as cookies. The reference's event
            /// `initial_headers`.
            pub fn initial_headers(
                mut self,
                write: impl Fn(&mut HeaderMap, &Handshake) + Send + Sync + 'static,
            ) -> Self {
                self.engine.initial_headers = Some(InitialHeaders::new(write));
                self
            }

            /// Compresses messages of a WebSocket in this way, with clients that offer it. Default: as
            /// [`Server::deflate`](crate::Server::deflate) says, so off unless that is set.
            #[cfg(feature = "deflate")]
            pub fn per_message_deflate(mut self, deflate: Deflate) -> Self {
                self.engine.per_message_deflate = Some(deflate);
                self
            }

            /// Compresses what polls are answered with where it has `threshold` bytes or more and the client reads gzip
            /// or deflate. Default off, unlike the reference: it costs time, and the length of what is compressed tells
            /// of secrets beside text of others.
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
