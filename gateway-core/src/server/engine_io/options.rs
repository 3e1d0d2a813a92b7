//! Options of one path of Engine.IO, as set by [`SocketIo`](crate::socket_io::SocketIo) and [`EngineIo`](crate::socket_io::EngineIo).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use crate::connection::{ConnectionConfig, ConnectionScope};
use crate::gateway::Problem;
use crate::protocol::WireFormat;
use crate::server::engine_io::client_files::ClientFiles;
use crate::server::engine_io::cookie::SessionCookie;
use crate::server::engine_io::cors::Cors;
use crate::server::handshake_check::HandshakeCheck;
use crate::session::{HeartbeatConfig, PingMode};
use crate::transport::{Deflate, Handshake};

/// Options with the names and defaults of the reference server.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
pub(crate) struct EngineOptions {
    pub(crate) transports: Vec<TransportName>,
    pub(crate) allow_upgrades: bool,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) ping_interval: Duration,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) ping_timeout: Duration,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) upgrade_timeout: Duration,
    pub(crate) max_http_buffer_size: usize,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) cors: Option<Cors>,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) cookie: Option<SessionCookie>,
    #[cfg_attr(feature = "config", serde(skip))]
    pub(crate) allow_request: Option<HandshakeCheck>,
    #[cfg_attr(feature = "config", serde(skip))]
    pub(crate) initial_headers: Option<InitialHeaders>,
    /// Minimum size of a compressed response, in bytes.
    #[cfg(feature = "http-compression")]
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) http_compression: Option<usize>,
    /// Overrides the server's setting.
    #[cfg_attr(
        all(feature = "config", feature = "deflate"),
        serde(deserialize_with = "crate::options::setting::deserialize")
    )]
    #[cfg_attr(all(feature = "config", not(feature = "deflate")), serde(skip))]
    pub(crate) per_message_deflate: Option<Deflate>,
    /// Used by Socket.IO only, like the fields below.
    pub(crate) path: String,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) connect_timeout: Duration,
    pub(crate) parser: Parser,
    #[cfg_attr(feature = "config", serde(skip))]
    pub(crate) bundle: ClientFiles,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            transports: vec![TransportName::Polling, TransportName::WebSocket],
            allow_upgrades: true,
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            upgrade_timeout: Duration::from_secs(10),
            max_http_buffer_size: 1_000_000,
            cors: None,
            cookie: None,
            allow_request: None,
            initial_headers: None,
            #[cfg(feature = "http-compression")]
            http_compression: None,
            per_message_deflate: None,
            path: "/socket.io/".to_owned(),
            connect_timeout: Duration::from_secs(45),
            parser: Parser::default(),
            bundle: ClientFiles::default(),
        }
    }
}

impl EngineOptions {
    /// Problems of the options: values that are invalid in a header.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        let cors = self.cors.iter().flat_map(Cors::problems);
        cors.chain(self.cookie.iter().flat_map(SessionCookie::problems))
    }

    pub(crate) fn serves(&self, transport: TransportName) -> bool {
        self.transports.contains(&transport)
    }

    /// Configuration of this path's connections.
    pub(crate) fn config(&self, entry: &ConnectionScope) -> ConnectionConfig {
        let format = match (entry, self.parser) {
            (ConnectionScope::Namespace(_), _) => WireFormat::EngineIo,
            (ConnectionScope::Multiplexed(_), Parser::Json) => WireFormat::SocketIo,
            (ConnectionScope::Multiplexed(_), Parser::MessagePack) => WireFormat::SocketIoMsgpack,
        };
        // Clients of Engine.IO consider a server dead if it sends no pings.
        let heartbeat_config =
            HeartbeatConfig { interval: self.ping_interval, timeout: self.ping_timeout, ping_mode: PingMode::Steadily };
        ConnectionConfig { format, heartbeat_config }
    }

    pub(crate) fn upgrades(&self) -> bool {
        self.allow_upgrades && self.serves(TransportName::WebSocket)
    }
}

/// A transport of Engine.IO.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum TransportName {
    /// HTTP long polling.
    Polling,
    /// WebSocket, from the start or after an upgrade from polling.
    WebSocket,
}

/// Encoding of Socket.IO's packets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Parser {
    /// JSON with separate binary attachments: the default of clients.
    #[default]
    Json,
    /// `MessagePack`. Clients need `socket.io-msgpack-parser`.
    MessagePack,
}

type WriteHeaders = dyn Fn(&mut HeaderMap, &Handshake) + Send + Sync;

/// A function that adds headers to the response of a handshake.
#[derive(Clone)]
pub(crate) struct InitialHeaders(Arc<WriteHeaders>);

impl InitialHeaders {
    pub(crate) fn new(write: impl Fn(&mut HeaderMap, &Handshake) + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap, handshake: &Handshake) {
        (self.0)(headers, handshake);
    }
}

impl fmt::Debug for InitialHeaders {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InitialHeaders")
    }
}
