//! Settings of an operator.

use std::any::type_name;
use std::panic::Location;
use std::sync::Arc;

use crate::connection::{Drain, ServerEvents};
use crate::gateway::{KnownNamespaces, Problem, StartError};
use crate::handler::Written;
use crate::hub::cluster::{self, ClusterOptions, ClusterSetup, Engine, ServerEventHandler};
#[cfg(feature = "admin")]
use crate::server::admin::AdminState;
use crate::server::endpoint::{Endpoint, Endpoints};
use crate::server::event_stream::ServerSentEvents;
#[cfg(feature = "http2")]
use crate::server::http2::Http2;
use crate::server::state::StartedServer;
use crate::transport::TrustedProxies;

/// The health listener, trusted proxies, the cluster, server-sent events, and how the server stops.
#[derive(Debug, Default)]
pub(in crate::server) struct Operations {
    pub(in crate::server) monitoring: Option<Endpoint>,
    pub(in crate::server) lines: Vec<Endpoint>,
    /// Addresses of the configuration.
    pub(in crate::server) listen: Vec<Endpoint>,
    /// Present where events are measured: those among the ones that are sent which have a label of their own.
    pub(in crate::server) measured: Option<Vec<String>>,
    pub(in crate::server) drain: Drain,
    pub(in crate::server) proxies: TrustedProxies,
    /// Options that cannot be used.
    pub(in crate::server) problems: Vec<Problem>,
    pub(in crate::server) engine: Option<Arc<dyn Engine>>,
    pub(in crate::server) cluster: ClusterOptions,
    /// Present where namespaces are served by server-sent events too.
    pub(in crate::server) event_streams: Option<ServerSentEvents>,
    #[cfg(feature = "http2")]
    pub(in crate::server) http2: Option<Http2>,
    /// State of the Admin UI, if it is served.
    #[cfg(feature = "admin")]
    pub(in crate::server) admin: Option<Arc<AdminState>>,
    /// Path of the explorer, if it is enabled.
    #[cfg(feature = "explorer")]
    pub(in crate::server) explorer: Option<String>,
}

impl Operations {
    /// Takes all endpoints; `first` and `also` are those that were given to the server itself.
    pub(super) fn take_endpoints(&mut self, first: Endpoint, also: Vec<Endpoint>) -> Endpoints {
        let given = [first].into_iter().filter(|endpoint| !endpoint.is_configured());
        Endpoints {
            http: given.chain(std::mem::take(&mut self.listen)).chain(also).collect(),
            lines: std::mem::take(&mut self.lines),
            monitoring: self.monitoring.take(),
        }
    }
}

/// Connects a server to its cluster.
pub(super) async fn join_cluster(
    server: &StartedServer,
    engine: Arc<dyn Engine>,
    options: ClusterOptions,
) -> Result<(), StartError> {
    let (name, address) = (engine.name(), engine.address());
    let namespaces = server.shared.known().into_iter().flat_map(KnownNamespaces::without_parameters);
    let namespaces: Vec<Arc<str>> = namespaces.map(Arc::from).collect();
    let refused = namespaces.iter().filter_map(|name| {
        let error = engine.check_namespace(name).err()?;
        Some(Problem::cluster_namespace(name, engine.name(), &error))
    });
    let refused: Vec<_> = refused.collect();
    if !refused.is_empty() {
        return Err(StartError::Problems(refused));
    }
    let handler: Arc<dyn ServerEventHandler> = Arc::new(ServerEvents::new(&server.application));
    let recovery = server.application.recovery.clone();
    let setup = ClusterSetup { engine, options, namespaces, handler, recovery };
    cluster::start(&server.shared.hub, setup).await.map_err(|source| StartError::Cluster {
        engine: name,
        address,
        source,
    })
}

/// Location in the caller's source where a value is given to the server.
#[track_caller]
pub(super) fn written_here<T>() -> Written {
    let (context, name) = (Location::caller(), type_name::<T>());
    // The type's own module path is dropped; those of its parameters stay.
    let plain = name.split('<').next().unwrap_or(name);
    let start = plain.rfind("::").map_or(0, |at| at + 2);
    Written::new(&name[start..], context.file(), context.line())
}
