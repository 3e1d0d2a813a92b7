//! The options of a server as a configuration file has them.

use crate::connection::Drain;
use crate::hub::cluster::ClusterOptions;
use crate::limits::Limits;
use crate::options::setting;
use crate::server::builder::server::Server;
use crate::server::builder::socket_io_options::SocketIo;
use crate::server::event_stream::ServerSentEvents;
#[cfg(feature = "http2")]
use crate::server::http2::Http2;
use crate::session::Recovery;
#[cfg(feature = "deflate")]
use crate::transport::Deflate;

/// Options of a server that can be read from a file or the environment: [`Server::config`].
///
/// Each member that is missing has its default; one that does not exist is an error that lists those that do. Times are texts
/// with a unit, such as `"30s"` or `"1m 30s"`. Where a limit or a feature is optional, `"none"` turns it off.
///
/// ```
/// use gateway_core::Server;
/// use gateway_core::config::ServerConfig;
///
/// let config: ServerConfig = serde_json::from_str(r#"{
///     "allow_origins": ["https://app.example.com"],
///     "limits": {"message_bytes": 65536, "handler_timeout": "10s", "connections": 5000},
///     "recovery": {"within": "2m"},
///     "socket_io": {"ping_interval": "10s"}
/// }"#)?;
/// let server = Server::new().config(config);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use = "options do nothing before a server has them"]
pub struct ServerConfig {
    limits: Limits,
    drain: Drain,
    #[serde(deserialize_with = "setting::deserialize")]
    recovery: Option<Recovery>,
    #[cfg(feature = "deflate")]
    #[serde(deserialize_with = "setting::deserialize")]
    deflate: Option<Deflate>,
    #[serde(deserialize_with = "setting::deserialize")]
    socket_io: Option<SocketIo>,
    #[serde(deserialize_with = "setting::deserialize")]
    server_sent_events: Option<ServerSentEvents>,
    allow_origins: Vec<String>,
    trust_proxies: Vec<String>,
    #[serde(deserialize_with = "setting::deserialize")]
    monitoring: Option<String>,
    subprotocols: Vec<String>,
    lines: Vec<String>,
    nestjs_compat: bool,
    banner: bool,
    cluster: ClusterOptions,
    #[cfg(feature = "http2")]
    #[serde(deserialize_with = "setting::deserialize")]
    http2: Option<Http2>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            drain: Drain::default(),
            recovery: None,
            #[cfg(feature = "deflate")]
            deflate: None,
            socket_io: Some(SocketIo::default()),
            server_sent_events: None,
            allow_origins: Vec::new(),
            trust_proxies: Vec::new(),
            monitoring: None,
            subprotocols: Vec::new(),
            lines: Vec::new(),
            nestjs_compat: false,
            banner: true,
            cluster: ClusterOptions::default(),
            #[cfg(feature = "http2")]
            http2: None,
        }
    }
}

setting::readable!(SocketIo, String);

impl ServerConfig {
    /// Calls the setter of each member.
    pub(crate) fn apply(self, server: Server) -> Server {
        let mut server = server
            .limits(self.limits)
            .drain(self.drain)
            .cluster_options(self.cluster)
            .nestjs_compat(self.nestjs_compat)
            .banner(self.banner)
            .subprotocols(self.subprotocols)
            .trust_proxies(self.trust_proxies.iter().map(String::as_str));
        for origin in &self.allow_origins {
            server = if origin == "*" { server.allow_any_origin() } else { server.allow_origin(origin) };
        }
        for address in self.lines {
            server = server.lines(address);
        }
        if let Some(recovery) = self.recovery {
            server = server.recovery(recovery);
        }
        #[cfg(feature = "deflate")]
        if let Some(deflate) = self.deflate {
            server = server.deflate(deflate);
        }
        #[cfg(feature = "http2")]
        if let Some(options) = self.http2 {
            server = server.http2(options);
        }
        if let Some(options) = self.server_sent_events {
            server = server.server_sent_events(options);
        }
        if let Some(address) = self.monitoring {
            server = server.monitoring(address);
        }
        match self.socket_io {
            Some(options) => server.socket_io(options),
            None => server.without_socket_io(),
        }
    }
}
