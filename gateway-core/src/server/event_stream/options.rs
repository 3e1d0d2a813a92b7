//! Options of server-sent events.

use std::time::Duration;

use crate::server::engine_io::Cors;

/// Options of server-sent events, enabled by [`Server::server_sent_events`](crate::Server::server_sent_events).
///
/// ```
/// use std::time::Duration;
///
/// use gateway_core::serve::ServerSentEvents;
/// use gateway_core::Server;
///
/// let events = ServerSentEvents::new().retry(Duration::from_secs(1));
/// let server = Server::new().server_sent_events(events);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "config", derive(serde::Deserialize), serde(default, deny_unknown_fields))]
#[must_use = "options do nothing before a server has them"]
pub struct ServerSentEvents {
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(super) heartbeat: Duration,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(super) retry: Duration,
    pub(super) posts: usize,
    pub(super) single_requests: bool,
    #[cfg_attr(feature = "config", serde(deserialize_with = "crate::options::setting::deserialize"))]
    pub(crate) cors: Option<Cors>,
}

impl Default for ServerSentEvents {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(15),
            retry: Duration::from_secs(3),
            posts: 32,
            single_requests: false,
            cors: None,
        }
    }
}

impl ServerSentEvents {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the time between two comments, which keep a stream alive in proxies and find clients that are gone. Default
    /// 15 s: below the 30 s of the most impatient proxies.
    pub fn heartbeat(mut self, time: Duration) -> Self {
        self.heartbeat = time;
        self
    }

    /// Sets the pause before a browser reconnects. Default 3 s, as browsers have it themselves. A server that stops asks for
    /// [`Drain::retry_within`](crate::serve::Drain::retry_within) instead, if set.
    pub fn retry(mut self, time: Duration) -> Self {
        self.retry = time;
        self
    }

    /// Sets how many POSTs of one stream may wait at the same time; a further one is answered 429. Default 32.
    pub fn posts(mut self, count: usize) -> Self {
        self.posts = count;
        self
    }

    /// Answers requests by POSTs that name no stream: each is a client of its own, with its guards and connect hooks, which
    /// leaves once it has its answer. Default off.
    pub fn single_requests(mut self, on: bool) -> Self {
        self.single_requests = on;
        self
    }

    /// Allows pages of other origins, with the options of long polling.
    pub fn cors(mut self, cors: Cors) -> Self {
        self.cors = Some(cors);
        self
    }
}

#[cfg(feature = "config")]
crate::options::setting::readable!(ServerSentEvents);
