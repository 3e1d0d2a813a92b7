//! Builder methods for operators: monitoring, lines, measurements, trusted proxies, the cluster, server-sent events, and
//! draining.

use std::sync::Arc;

use crate::connection::Drain;
use crate::gateway::Problem;
use crate::hub::cluster::{ClusterOptions, Engine};
#[cfg(feature = "admin")]
use crate::server::admin::{Admin, AdminGateway, AdminState, handlers};
use crate::server::builder::server::Server;
use crate::server::endpoint::IntoEndpoint;
use crate::server::event_stream::ServerSentEvents;
#[cfg(feature = "http2")]
use crate::server::http2::Http2;

impl Server {
    /// Serves monitoring at a separate endpoint: `/metrics` in Prometheus' text format, `/health/live`, and `/health/ready`,
    /// which answers 503 as soon as the server begins to stop. There is no authentication, so choose an address that only
    /// the monitoring system can reach. Events are measured as by [`Server::measure`].
    ///
    /// ```no_run
    /// # use gateway_core::prelude::*;
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), StartError> {
    /// Server::new().monitoring("127.0.0.1:9000").serve("0.0.0.0:3000").await
    /// # }
    /// ```
    pub fn monitoring(mut self, endpoint: impl IntoEndpoint) -> Self {
        self.operations.monitoring = Some(endpoint.into_endpoint());
        self.measure([])
    }

    /// Serves lines over TCP or a Unix socket at this endpoint too, for devices and other services. A client writes one JSON
    /// object a line, and the first names its namespace: `{"connect":"/chat"}`. Several calls add several endpoints;
    /// [`Endpoint::tls`](crate::serve::Endpoint) encrypts one. [`RunningServer::lines_addrs`](crate::serve::RunningServer::lines_addrs)
    /// returns the addresses.
    ///
    /// ```no_run
    /// # use gateway_core::prelude::*;
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), StartError> {
    /// Server::new().lines("0.0.0.0:3001").lines("unix:/run/app.sock").serve("0.0.0.0:3000").await
    /// # }
    /// ```
    pub fn lines(mut self, endpoint: impl IntoEndpoint) -> Self {
        self.operations.lines.push(endpoint.into_endpoint());
        self
    }

    /// Counts each event by name and measures the duration of its handlers. Each subscribed event has its own label, and so
    /// does each outgoing event in `sent`; all others share the label `other`. The cost is two clock readings per event.
    pub fn measure<'a>(mut self, sent: impl IntoIterator<Item = &'a str>) -> Self {
        let measured = self.operations.measured.get_or_insert_default();
        measured.extend(sent.into_iter().map(str::to_owned));
        self
    }

    /// Trusts the `X-Forwarded-For` header of these proxies: addresses, networks such as `10.0.0.0/8`, or `unix` for
    /// connections without an address. The header is ignored from all other peers. The resulting address is
    /// [`Handshake::address`](crate::Handshake::address), by which
    /// [`connections_per_address`](crate::limits::Limits::connections_per_address) counts.
    pub fn trust_proxies<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        for text in proxies {
            if !self.operations.proxies.forwarding.add(text) {
                self.operations.problems.push(Problem::proxy(text));
            }
        }
        self
    }

    /// Expects a header of the PROXY protocol, version 1 or 2, at the beginning of every connection from these proxies: addresses,
    /// networks such as `10.0.0.0/8`, or `unix` for those without an address. It comes before TLS. The client's address in it
    /// becomes [`Handshake::peer`](crate::Handshake::peer), for all ways in but monitoring. A connection of these peers without a header is closed; from all
    /// other peers a header is not read, and is malformed.
    ///
    /// So no client can forge its address, as long as only proxies have these addresses.
    pub fn proxy_protocol<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        for text in proxies {
            if !self.operations.proxies.with_header.get_or_insert_default().add(text) {
                self.operations.problems.push(Problem::proxy(text));
            }
        }
        self
    }

    /// Connects the server to others that use the same engine, such as Redis or PostgreSQL: they share their rooms. A
    /// [`Namespace`](crate::Namespace) and a [`Target`](crate::Target) then reach the sockets of all of them, Socket.IO servers
    /// of Node included if they use the adapter that the engine is compatible with.
    ///
    /// The engine is connected before the port opens, and given up when the server has stopped. Sending to sockets of this
    /// server never waits for the engine.
    pub fn cluster(mut self, engine: impl Engine) -> Self {
        self.operations.engine = Some(Arc::new(engine));
        self
    }

    /// Sets the options of [`Server::cluster`].
    pub fn cluster_options(mut self, options: ClusterOptions) -> Self {
        self.operations.cluster = options;
        self
    }

    /// Serves HTTP/2 beside HTTP/1.1 on every endpoint, with WebSockets in its streams (RFC 8441): under TLS for clients that
    /// choose it by ALPN, as browsers do, and in clear text for those that begin with it, as proxies do. Plain WebSocket,
    /// Socket.IO and the fallback work over both. Default off.
    #[cfg(feature = "http2")]
    pub fn http2(mut self, options: Http2) -> Self {
        self.operations.http2 = Some(options);
        self
    }

    /// Serves every namespace by server-sent events too, for clients that mostly listen: a GET that accepts
    /// `text/event-stream` is a socket, and a POST says an event or a request. Default off: a POST to a namespace's path
    /// otherwise reaches the fallback.
    pub fn server_sent_events(mut self, options: ServerSentEvents) -> Self {
        self.operations.event_streams = Some(options);
        self
    }

    /// Serves the page of Socket.IO's Admin UI, `@socket.io/admin-ui`: the page connects to the namespace `/admin` of this server,
    /// with the name and the password of `options`, and shows its sockets, rooms and events. Default off. Events are measured as
    /// by [`Server::measure`].
    ///
    /// Guards, interceptors and filters of the whole server do not apply to this namespace: the page has no other credentials.
    /// A page of another origin needs [`Server::allow_origin`] and [`SocketIo::cors`](crate::socket_io::SocketIo::cors).
    ///
    /// ```no_run
    /// use gateway_core::prelude::*;
    /// use gateway_core::serve::Admin;
    ///
    /// # fn example(password_hash: String) -> Server {
    /// Server::new().admin(Admin::new("operator", password_hash).read_only(true))
    /// # }
    /// ```
    #[cfg(feature = "admin")]
    pub fn admin(mut self, options: Admin) -> Self {
        self.operations.problems.extend(options.problem());
        self.selection.add_built_in::<AdminGateway>(handlers(&options));
        let state = Arc::new(AdminState::new(options, self.handle()));
        state.listen(&mut self.listeners);
        self.services.provide(Arc::clone(&state));
        self.operations.admin = Some(state);
        self.measure([])
    }

    /// Sets the options of a graceful stop.
    pub fn drain(mut self, drain: Drain) -> Self {
        self.operations.drain = drain;
        self
    }
}
