//! Reaching a server from outside its handlers.

use std::sync::Arc;

use crate::hub::Namespace;
use crate::server::application::Shared;
use crate::server::gauges::gather;
use crate::telemetry::{Counters, Metrics};

/// A server as background tasks, other services and tests see it. Cheap to clone; exists before the server starts. It is
/// also a service: a field or a `State<ServerHandle>` argument gets it.
#[derive(Clone, Debug)]
pub struct ServerHandle(Arc<Shared>);

impl ServerHandle {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// The namespace of this name, such as `/chat`. One that no gateway has is simply empty.
    #[must_use]
    pub fn of(&self, namespace: &str) -> Namespace {
        Namespace::new(self.0.hub.of(namespace))
    }

    /// What the server has counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// What the server counts and measures, at this moment. It looks at every socket, so it is for a look now and then.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        gather(&self.0)
    }

    /// Whether it has started and was not told to stop: what a balancer wants to know.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.application().is_some() && !self.0.is_draining()
    }

    /// Begins to stop as [`Drain`](crate::Drain) says: no new connections, running handlers get [`drain_timeout`](crate::Limits::drain_timeout), every
    /// client is told 1001. Returns at once; [`ServerHandle::stopped`] waits for the end.
    pub fn shutdown(&self) {
        self.0.stop();
    }

    /// Ends when the server takes nobody new any more, once it was told to stop: for background tasks that feed it.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again.
    pub async fn stopping(&self) {
        self.0.stopping.cancelled().await;
    }

    /// Ends when the last connection has ended and its disconnect hooks have run.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again.
    pub async fn stopped(&self) {
        self.0.tasks.wait().await;
    }
}
