//! The application shared by all connections of a server.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::connection::drain::Drain;
use crate::gateway::Routes;
use crate::handler::{Compat, ServiceMap};
use crate::hub::Hub;
use crate::limits::Limits;
use crate::metrics::Telemetry;
use crate::session::Recovery;

/// The namespaces, services and limits of a started server.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) hub: Arc<Hub>,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) routes: Routes,
    pub(crate) services: Arc<ServiceMap>,
    pub(crate) limits: Limits,
    pub(crate) compat: Compat,
    pub(crate) recovery: Option<Recovery>,
    /// Cancelled when the server stops.
    pub(crate) stopping: CancellationToken,
    pub(crate) drain: Drain,
}

impl Application {
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.is_cancelled()
    }

    /// Returns the pattern that declares the namespace of this concrete name.
    pub(crate) fn declared(&self, namespace: &str) -> Option<&'static str> {
        self.routes.find(namespace).map(|found| found.route.namespace)
    }
}
