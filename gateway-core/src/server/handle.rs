//! Reaching a server from outside its handlers.

use std::collections::HashMap;
use std::sync::Arc;

use crate::gateway::{NamespaceError, check_slash};
use crate::hub::Namespace;
use crate::metrics::{Counter, Counters, Metrics};
use crate::server::metrics::gather;
use crate::server::server_target::ServerTarget;
use crate::server::state::ServerState;

/// A server as background tasks, other services and tests see it. Cheap to clone; exists before the server starts. It is
/// also a service: a field or a `State<ServerHandle>` argument gets it.
#[derive(Clone, Debug)]
pub struct ServerHandle(Arc<ServerState>);

impl ServerHandle {
    pub(crate) fn new(shared: Arc<ServerState>) -> Self {
        Self(shared)
    }

    /// The namespace of this name, such as `/chat`, or `/room/7` of those that `/room/{id}` stands for. It may be empty.
    ///
    /// Before the server starts its namespaces are not known: then any name with a slash is taken, and one that no gateway
    /// has stops the start while somebody holds it.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`] where no gateway has it; the error names the one that comes nearest.
    pub fn of(&self, namespace: impl AsRef<str>) -> Result<Namespace, NamespaceError> {
        let name = namespace.as_ref();
        let space = if let Some(known) = self.0.known() {
            self.0.hub.of(&known.find(name)?)
        } else {
            check_slash(name)?;
            self.0.hub.of(name)
        };
        Ok(Namespace::new(space))
    }

    /// All namespaces that a pattern stands for: `/room/{id}`, as a gateway declares it, whatever its parameters are called.
    /// They are listed by [`ServerTarget::namespaces`], and sent to like one.
    ///
    /// # Errors
    ///
    /// [`NamespaceError`] where no gateway declares it, and before the server has started.
    pub fn of_pattern(&self, pattern: impl AsRef<str>) -> Result<ServerTarget, NamespaceError> {
        let pattern = pattern.as_ref();
        check_slash(pattern)?;
        let known = self.0.known().ok_or_else(|| NamespaceError::not_started(pattern))?;
        Ok(ServerTarget::new(Arc::clone(&self.0), Some(known.find_pattern(pattern)?)))
    }

    /// Every socket of the server, in whichever namespace.
    #[must_use]
    pub fn all(&self) -> ServerTarget {
        ServerTarget::new(Arc::clone(&self.0), None)
    }

    /// All sockets of a user that guards named with [`Grant::user`](crate::pipeline::Grant::user), in whichever namespace.
    #[must_use]
    pub fn user(&self, id: impl AsRef<str>) -> ServerTarget {
        self.all().user(id)
    }

    /// The users that guards have named, and how many sockets each has in all namespaces together. In no order.
    #[must_use]
    pub fn users(&self) -> Vec<(String, usize)> {
        let mut users: HashMap<String, usize> = HashMap::new();
        for (user, count) in self.all().namespaces().iter().flat_map(Namespace::users) {
            *users.entry(user).or_default() += count;
        }
        users.into_iter().collect()
    }

    /// The value of one counter. Cheap, unlike [`ServerHandle::metrics`], which holds all of them.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.0.counters.read(counter)
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Counters and measurements of the server at this moment. It looks at every socket, so call it now and then only.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        gather(&self.0)
    }

    /// Returns `true` if the server has started and was not told to stop: the question of a load balancer.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.started().is_some() && !self.0.is_draining()
    }

    /// Begins to stop as [`Drain`](crate::serve::Drain) says: no new connections, running handlers get [`drain_timeout`](crate::limits::Limits::drain_timeout), every
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
