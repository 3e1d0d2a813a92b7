//! What all connections of one server share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dispatch::{Compat, Services};
use crate::gateway::Routes;
use crate::hub::{Hub, Target};
use crate::limits::Limits;
use crate::server::engine_io::Engine;
use crate::session::{DisconnectReason, Recovery, Scope};
use crate::telemetry::Counters;
use crate::transport::{Deflate, OriginPolicy};

/// The part that exists before the server has started: what a [`ServerHandle`](crate::ServerHandle) reaches.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    pub(crate) counters: Arc<Counters>,
    /// Everything that serves a client runs here.
    pub(crate) tasks: TaskTracker,
    pub(crate) stopping: CancellationToken,
    stopped: AtomicBool,
}

impl Shared {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            hub: Hub::new(),
            counters: Arc::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            stopped: AtomicBool::new(false),
        })
    }

    /// Tells every connection to end. One that enters later sees [`Shared::is_stopping`].
    pub(crate) fn stop(&self) {
        if self.stopped.swap(true, Ordering::AcqRel) {
            return;
        }
        self.stopping.cancel();
        self.tasks.close();
        for space in self.hub.spaces() {
            for session in Target::all(&space).select().iter() {
                session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
            }
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }
}

/// A server that has started.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) shared: Arc<Shared>,
    pub(crate) routes: Routes,
    pub(crate) engines: Vec<Engine>,
    pub(crate) services: Arc<Services>,
    pub(crate) limits: Limits,
    pub(crate) compat: Compat,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) origins: OriginPolicy,
    pub(crate) subprotocols: Vec<String>,
    /// Where messages of a WebSocket may be compressed.
    pub(crate) deflate: Option<Deflate>,
}
