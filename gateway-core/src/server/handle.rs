//! The [`ServerHandle`]: context to a server from outside its handlers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::gateway::{NamespaceError, check_slash};
use crate::hub::Namespace;
use crate::metrics::{Counter, Counters, Metrics};
use crate::protocol::{FromArgs, ToArgs};
use crate::server::metrics::gather;
use crate::server::server_target::ServerTarget;
use crate::server::shutdown::stop;
use crate::server::state::ServerState;
use crate::session::SendError;
use crate::socket::{ServerRequest, send_to_servers};

/// A handle to a server for background tasks, other services and tests. Cheap to clone; available before the server
/// starts. Also a service: a gateway's field or a `State<ServerHandle>` argument can hold it.
#[derive(Clone, Debug)]
pub struct ServerHandle(Arc<ServerState>);

impl ServerHandle {
    pub(crate) fn new(shared: Arc<ServerState>) -> Self {
        Self(shared)
    }

    /// Typed events that were sent although the [contract](crate::Server::contract) does not list them, each once with its namespace. The first of
    /// each is a warning in the log. Always empty in builds without debug assertions, which do not look, and for events that are sent by
    /// name.
    #[cfg(feature = "contract")]
    #[must_use]
    pub fn unlisted_events(&self) -> Vec<String> {
        self.0.hub.unlisted.list(false)
    }

    /// Returns the namespace with this name, such as `/chat`, or `/room/7` if a gateway declares `/room/{id}`. The namespace
    /// may have no sockets.
    ///
    /// Before the server starts, any name that begins with a slash is accepted. A name that no gateway declares fails the
    /// start as long as its [`Namespace`] is held.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`] if no gateway declares the namespace; the error suggests the most similar name.
    pub fn of(&self, namespace: impl AsRef<str>) -> Result<Namespace, NamespaceError> {
        let name = namespace.as_ref();
        let space = if let Some(known) = self.0.known() {
            self.0.hub.space(&known.find(name)?)
        } else {
            check_slash(name)?;
            self.0.hub.space(name)
        };
        Ok(Namespace::new(space))
    }

    /// Returns a target of all namespaces of a pattern such as `/room/{id}`. The pattern must be one that a gateway declares;
    /// the names of its parameters do not matter. [`ServerTarget::namespaces`] lists the namespaces.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`] if no gateway declares the pattern, or the server has not started.
    pub fn of_pattern(&self, pattern: impl AsRef<str>) -> Result<ServerTarget, NamespaceError> {
        let pattern = pattern.as_ref();
        check_slash(pattern)?;
        let known = self.0.known().ok_or_else(|| NamespaceError::not_started(pattern))?;
        Ok(ServerTarget::new(Arc::clone(&self.0), Some(known.find_pattern(pattern)?)))
    }

    /// All sockets of the server, in all namespaces.
    #[must_use]
    pub fn all(&self) -> ServerTarget {
        ServerTarget::new(Arc::clone(&self.0), None)
    }

    /// All sockets of a user that guards set with [`Grant::user`](crate::pipeline::Grant::user), in all namespaces.
    #[must_use]
    pub fn user(&self, id: impl AsRef<str>) -> ServerTarget {
        self.all().user(id)
    }

    /// Sends an event to the other servers of the cluster, as `io.serverSideEmit` of Socket.IO does: to the handlers of the
    /// namespace `/`. See [`Namespace::server_side_emit`].
    ///
    /// # Errors
    ///
    /// As [`Namespace::server_side_emit`].
    pub fn server_side_emit<T: ToArgs + ?Sized>(&self, event: &str, data: &T) -> Result<(), SendError> {
        send_to_servers(self.0.hub.cluster(), &"/".into(), event, data.to_args())
    }

    /// Sends an event to the handlers of the namespace `/` on the other servers of the cluster and collects their answers; see
    /// [`Namespace::server_side_emit_with_ack`].
    pub fn server_side_emit_with_ack<R: FromArgs>(
        &self,
        event: &str,
        data: &(impl ToArgs + ?Sized),
    ) -> ServerRequest<R> {
        ServerRequest::new(self.0.hub.cluster(), &"/".into(), event, data.to_args())
    }

    /// The users that guards have set, each with their number of sockets in all namespaces. In no particular order.
    #[must_use]
    pub fn users(&self) -> Vec<(String, usize)> {
        let mut users: HashMap<String, usize> = HashMap::new();
        for (user, count) in self.all().namespaces().iter().flat_map(Namespace::users) {
            *users.entry(user).or_default() += count;
        }
        users.into_iter().collect()
    }

    /// The value of one counter. Cheap, unlike [`ServerHandle::metrics`], which collects all of them.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.0.telemetry.counters.read(counter)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.telemetry.counters
    }

    /// Collects counters and measurements of the server at this moment. Visits every socket, so do not call it often.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        gather(&self.0)
    }

    /// Returns `true` if the server has started and is not stopping, for a load balancer's readiness check.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.started().is_some() && !self.0.is_draining()
    }

    /// Returns `true` while the server is in a cluster whose engine is away. Its own clients are served meanwhile.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.0.hub.cluster().is_some_and(|cluster| !cluster.is_connected())
    }

    /// Begins a graceful stop, configured by [`Drain`](crate::serve::Drain): no new connections are accepted, running handlers get
    /// [`drain_timeout`](crate::limits::Limits::drain_timeout), and every connection is closed with 1001. Returns at once;
    /// [`ServerHandle::stopped`] waits for the end.
    pub fn shutdown(&self) {
        stop(&self.0);
    }

    /// Completes when the server is stopping and accepts no new connections. Useful to end background tasks.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and the method called again.
    pub async fn stopping(&self) {
        self.0.stopping.cancelled().await;
    }

    /// Completes when the last connection has ended, its disconnect hooks have run, and the server has left its cluster.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and the method called again.
    pub async fn stopped(&self) {
        self.0.tasks.wait().await;
        if let Some(cluster) = self.0.hub.cluster() {
            cluster.stopped().await;
        }
    }
}
