//! Server-sent events of a server: their options and the streams that are open.

use std::sync::Arc;

use http::header::{ACCEPT, ACCESS_CONTROL_REQUEST_METHOD};
use http::{Method, Request};

use crate::connection::ConnectionConfig;
use crate::gateway::Problem;
use crate::limits::Limits;
use crate::protocol::WireFormat;
use crate::server::engine_io::{Cors, Sharing};
use crate::server::event_stream::options::ServerSentEvents;
use crate::server::event_stream::streams::EventStreams;
use crate::server::state::StartedServer;
use crate::session::{HeartbeatConfig, PingMode};

#[derive(Debug)]
pub(crate) struct EventStreamEndpoint {
    pub(super) options: ServerSentEvents,
    pub(super) streams: Arc<EventStreams>,
}

/// A request of a client to a namespace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EventStreamIntent {
    Listen,
    Post,
    Preflight,
}

impl EventStreamEndpoint {
    pub(crate) fn new(options: ServerSentEvents) -> Self {
        Self { options, streams: Arc::default() }
    }

    /// Problems of the options: values that are invalid in a header.
    pub(crate) fn problems(options: &ServerSentEvents) -> impl Iterator<Item = &Problem> {
        options.cors.iter().flat_map(Cors::problems)
    }

    /// The settings in words, for the banner.
    pub(crate) fn describe(&self) -> String {
        let ServerSentEvents { heartbeat, retry, posts, single_requests, .. } = &self.options;
        let alone = if *single_requests { "; requests without a stream are answered" } else { "" };
        format!(
            "server-sent events at every namespace; a comment every {heartbeat:?}, back after {retry:?}, {posts} posts at once{alone}"
        )
    }

    pub(super) fn sharing<'a>(&'a self, server: &'a StartedServer) -> Sharing<'a> {
        Sharing { cors: self.options.cors.as_ref(), own: &server.origins }
    }

    /// Configuration of the connections.
    pub(super) fn config(&self, limits: &Limits) -> ConnectionConfig {
        let (interval, timeout) = (self.options.heartbeat, limits.ping_timeout);
        let heartbeat_config = HeartbeatConfig { interval, timeout, ping_mode: PingMode::OneWay };
        ConnectionConfig { format: WireFormat::EventStream, heartbeat_config }
    }
}

impl EventStreamIntent {
    /// `None` for a request that is none of server-sent events.
    pub(crate) fn from_request<B>(request: &Request<B>) -> Option<Self> {
        match *request.method() {
            Method::GET if wants_events(request) => Some(Self::Listen),
            Method::POST => Some(Self::Post),
            Method::OPTIONS if request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) => Some(Self::Preflight),
            _ => None,
        }
    }
}

/// Returns `true` if the request asks for events by name; a browser that opens a page takes `*/*`, and gets none.
pub(crate) fn wants_events<B>(request: &Request<B>) -> bool {
    let lines = request.headers().get_all(ACCEPT).into_iter().filter_map(|line| line.to_str().ok());
    let mut kinds = lines.flat_map(|line| line.split(',')).map(|kind| kind.split(';').next().unwrap_or_default());
    request.method() == Method::GET && kinds.any(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_banner_says_what_is_on() {
        let endpoint = EventStreamEndpoint::new(ServerSentEvents::new().single_requests(true));
        let expected = "server-sent events at every namespace; a comment every 15s, back after 3s, 32 posts at once; requests without a stream are answered";
        assert_eq!(endpoint.describe(), expected);
    }

    #[test]
    fn a_request_is_for_events_by_its_method_and_what_it_accepts() {
        let check = |method: &str, accept: &str, expected| {
            let request = Request::builder().method(method).header(ACCEPT, accept).body(()).unwrap();
            assert_eq!(EventStreamIntent::from_request(&request), expected, "{method} {accept}");
        };
        check("GET", "text/event-stream", Some(EventStreamIntent::Listen));
        check("GET", "text/html, Text/Event-Stream;q=0.9", Some(EventStreamIntent::Listen));
        check("GET", "text/html, */*", None);
        check("HEAD", "text/event-stream", None);
        check("POST", "*/*", Some(EventStreamIntent::Post));
        check("OPTIONS", "*/*", None);
    }
}
