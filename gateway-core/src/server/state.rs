//! The state of a server: the part that exists before the start, and the part that the start creates.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::{Application, Drain};
use crate::gateway::{KnownNamespaces, Problem};
use crate::hub::Hub;
use crate::metrics::Telemetry;
use crate::server::engine_io::EngineIoEndpoint;
use crate::server::event_stream::EventStreamEndpoint;
#[cfg(feature = "explorer")]
use crate::server::explorer::Explorer;
use crate::server::handshake_check::HandshakeCheck;
#[cfg(feature = "http2")]
use crate::server::http2::Http2;
use crate::server::setup_hints::SetupHints;
use crate::transport::{ConnectionLimiter, Deflate, OriginPolicy, TrustedProxies};

/// The part that exists before the start; [`ServerHandle`](crate::ServerHandle) refers to it.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) hub: Arc<Hub>,
    pub(crate) telemetry: Arc<Telemetry>,
    /// Tracker of all tasks that serve clients.
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    /// Cancelled when a stopping server has closed all clients.
    pub(crate) told: CancellationToken,
    pub(crate) hints: SetupHints,
    is_draining: AtomicBool,
    drain: OnceLock<Drain>,
    started: OnceLock<Weak<StartedServer>>,
    known: OnceLock<KnownNamespaces>,
}

impl ServerState {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            hub: Hub::new(),
            telemetry: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            told: CancellationToken::new(),
            hints: SetupHints::new(),
            is_draining: AtomicBool::new(false),
            drain: OnceLock::new(),
            started: OnceLock::new(),
            known: OnceLock::new(),
        })
    }

    /// Sets the namespaces of the assembled gateways: from now on only these are found by name.
    ///
    /// # Errors
    ///
    /// The namespaces that are held already and that no gateway declares.
    pub(crate) fn know(&self, known: KnownNamespaces) -> Result<(), Vec<Problem>> {
        let held = self.hub.spaces();
        let unknown = held.iter().filter_map(|space| known.find(&space.name).err());
        let problems: Vec<_> = unknown.map(|error| Problem::unknown_namespace(&error)).collect();
        // A server is assembled once.
        let _ = self.known.set(known);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// The namespaces of the gateways, once assembled.
    pub(crate) fn known(&self) -> Option<&KnownNamespaces> {
        self.known.get()
    }

    /// Marks the server as started.
    pub(crate) fn start(&self, server: &Arc<StartedServer>) {
        // A server starts once.
        let _ = (self.drain.set(server.application.drain.clone()), self.started.set(Arc::downgrade(server)));
    }

    /// The started server, while it exists.
    pub(crate) fn started(&self) -> Option<Arc<StartedServer>> {
        self.started.get()?.upgrade()
    }

    pub(crate) fn drain(&self) -> Drain {
        self.drain.get().cloned().unwrap_or_default()
    }

    /// Begins to stop. Returns `true` if the stop had begun before.
    pub(crate) fn begin_to_stop(&self) -> bool {
        self.is_draining.swap(true, Ordering::AcqRel)
    }

    /// Returns `true` if the server is stopping, though it may still accept clients.
    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }
}

/// A started server: its application and its ways of connecting.
#[derive(Debug)]
pub(crate) struct StartedServer {
    pub(crate) shared: Arc<ServerState>,
    pub(crate) application: Arc<Application>,
    pub(crate) engines: Vec<EngineIoEndpoint>,
    /// Server-sent events, if enabled.
    pub(crate) event_streams: Option<EventStreamEndpoint>,
    pub(crate) origins: OriginPolicy,
    pub(crate) proxies: TrustedProxies,
    pub(crate) limiter: Arc<ConnectionLimiter>,
    /// The application's check of every request for a connection.
    pub(crate) allow_request: Option<HandshakeCheck>,
    pub(crate) subprotocols: Vec<String>,
    #[cfg(feature = "explorer")]
    pub(crate) explorer: Option<Explorer>,
    /// Options of compression on WebSockets, if enabled.
    pub(crate) deflate: Option<Deflate>,
    /// Options of HTTP/2, if it is served.
    #[cfg(feature = "http2")]
    pub(crate) http2: Option<Http2>,
}

impl StartedServer {
    /// The client's address of a request.
    pub(crate) fn address(&self, peer: Option<SocketAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        if peer.is_none() && self.proxies.forwarding.misses_a_peer(headers) {
            self.shared.hints.unknown_peer();
        }
        self.proxies.forwarding.address(peer, headers)
    }
}
