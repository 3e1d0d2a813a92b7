//! The options of a server as a configuration file has them.

use crate::connection::Drain;
use crate::hub::cluster::ClusterOptions;
use crate::limits::Limits;
use crate::options::setting;
#[cfg(feature = "tls")]
use crate::server::builder::listen_config::TlsFiles;
use crate::server::builder::listen_config::{ConfiguredTls, HttpSchemes, LineSchemes, ListenAddress};
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
/// Each member that is missing has its default; one that does not exist is an error. Times are texts with a unit, such as
/// `"30s"` or `"1m 30s"`. Where a limit or a feature is optional, `"none"` turns it off. A
/// [`ConfigReader`](crate::config::ConfigReader) reads it and reports all faults with their places; any other crate for
/// configurations can read it too.
///
/// ```
/// use gateway_core::Server;
/// use gateway_core::config::{ConfigReader, ServerConfig};
///
/// let file = r#"
///     listen = ["127.0.0.1:3000", "unix:/run/app.sock"]
///     lines = ["127.0.0.1:3001"]
///     allow_origins = ["https://app.example.com"]
///
///     [limits]
///     message_bytes = 65536
///     handler_timeout = "10s"
///     connections = 5000
///
///     [recovery]
///     within = "2m"
///
///     [socket_io]
///     ping_interval = "10s"
/// "#;
/// let config: ServerConfig = ConfigReader::new().text("gateway.toml", file).environment("APP").read()?;
/// let server = Server::new().config(config); // .serve(Endpoint::configured())
/// # Ok::<(), gateway_core::config::ConfigError>(())
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
    proxy_protocol: Vec<String>,
    listen: Vec<ListenAddress<HttpSchemes>>,
    lines: Vec<ListenAddress<LineSchemes>>,
    #[cfg(feature = "tls")]
    #[serde(deserialize_with = "setting::deserialize")]
    tls: Option<TlsFiles>,
    #[serde(deserialize_with = "setting::deserialize")]
    monitoring: Option<ListenAddress<HttpSchemes>>,
    measure: Vec<String>,
    #[cfg(feature = "explorer")]
    #[serde(deserialize_with = "setting::deserialize")]
    explorer: Option<String>,
    subprotocols: Vec<String>,
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
            proxy_protocol: Vec::new(),
            listen: Vec::new(),
            lines: Vec::new(),
            #[cfg(feature = "tls")]
            tls: None,
            monitoring: None,
            measure: Vec::new(),
            #[cfg(feature = "explorer")]
            explorer: None,
            subprotocols: Vec::new(),
            nestjs_compat: false,
            banner: true,
            cluster: ClusterOptions::default(),
            #[cfg(feature = "http2")]
            http2: None,
        }
    }
}

setting::readable!(SocketIo, String, ListenAddress<HttpSchemes>);

impl ServerConfig {
    /// Calls the setter of each member.
    pub(crate) fn apply(self, server: Server) -> Server {
        let mut server = self.listen(server);
        for origin in &self.allow_origins {
            server = if origin == "*" { server.allow_any_origin() } else { server.allow_origin(origin) };
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
        #[cfg(feature = "explorer")]
        if let Some(path) = &self.explorer {
            server = server.explorer(path);
        }
        if let Some(options) = self.server_sent_events {
            server = server.server_sent_events(options);
        }
        if !self.measure.is_empty() {
            server = server.measure(self.measure.iter().map(String::as_str));
        }
        server = match self.socket_io {
            Some(options) => server.socket_io(options),
            None => server.without_socket_io(),
        };
        server
            .limits(self.limits)
            .drain(self.drain)
            .cluster_options(self.cluster)
            .nestjs_compat(self.nestjs_compat)
            .banner(self.banner)
            .subprotocols(self.subprotocols)
            .trust_proxies(self.trust_proxies.iter().map(String::as_str))
            .proxy_protocol(self.proxy_protocol.iter().map(String::as_str))
    }

    /// Adds the endpoints of all addresses.
    fn listen(&self, mut server: Server) -> Server {
        #[cfg(feature = "tls")]
        let mut tls = ConfiguredTls::read(self.tls.as_ref());
        #[cfg(not(feature = "tls"))]
        let mut tls = ConfiguredTls;
        for address in &self.lines {
            server = server.lines(tls.endpoint(address));
        }
        if let Some(address) = &self.monitoring {
            server = server.monitoring(tls.endpoint(address));
        }
        server.operations.listen.extend(self.listen.iter().map(|address| tls.endpoint(address)));
        server.operations.problems.extend(tls.finish());
        server
    }
}
