//! Settings of an operator: the health listener, and how the server stops.

use crate::connection::Drain;
use crate::server::builder::Server;
use crate::server::endpoint::IntoEndpoint;

impl Server {
    /// Answers those who watch over the server at an address of their own: `/metrics` in Prometheus' text format,
    /// `/health/live`, and `/health/ready`, which turns to 503 as soon as the server begins to stop. Nobody is asked who he
    /// is, so the address should be one that only they reach. Events are measured, as by [`Server::measure`].
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

    /// Counts each event by its name and measures how long its handlers take. Names that are subscribed to have a label of
    /// their own, and so have those that are given here, which the server sends; all others share `other`. It costs two
    /// looks at the clock for each event; a server without it pays nothing.
    pub fn measure<'a>(mut self, sent: impl IntoIterator<Item = &'a str>) -> Self {
        let measured = self.operations.measured.get_or_insert_default();
        measured.extend(sent.into_iter().map(str::to_owned));
        self
    }

    /// Takes the word of these proxies for where clients are: addresses, networks such as `10.0.0.0/8`, or `unix` for what
    /// comes without an address. They write it into `X-Forwarded-For`; that of anybody else is passed over.
    /// [`Handshake::address`](crate::Handshake::address) tells it, and
    /// [`connections_per_address`](crate::limits::Limits::connections_per_address) counts by it.
    pub fn trust_proxies<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        for text in proxies {
            if !self.operations.proxies.add(text) {
                self.operations.unreadable.push(text.to_owned());
            }
        }
        self
    }

    /// Sets how the server stops.
    pub fn drain(mut self, drain: Drain) -> Self {
        self.operations.drain = drain;
        self
    }
}
