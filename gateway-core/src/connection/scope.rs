//! Whom a connection is for: one namespace, or those that its client asks for.

use std::sync::Arc;
use std::time::Duration;

use crate::gateway::Route;
use crate::handler::SocketGrants;

/// Whom a connection is for.
#[derive(Debug)]
pub(crate) enum ConnectionScope {
    /// One namespace: it ends with its connection.
    Namespace(AdmittedNamespace),
    /// Whichever namespaces the client asks for, the first of them within this time.
    Multiplexed(Duration),
}

/// A namespace whose guards have let the request for it pass.
#[derive(Debug)]
pub(crate) struct AdmittedNamespace {
    pub(crate) route: Arc<Route>,
    /// Concrete name.
    pub(crate) name: String,
    /// Grants of those guards; absent where nothing is guarded.
    pub(crate) grants: Option<Arc<SocketGrants>>,
}

impl ConnectionScope {
    /// Returns `true` if whole messages are served, without envelopes.
    pub(crate) fn is_raw(&self) -> bool {
        match self {
            Self::Namespace(namespace) => namespace.route.router.raw().is_some(),
            Self::Multiplexed(_) => false,
        }
    }
}
