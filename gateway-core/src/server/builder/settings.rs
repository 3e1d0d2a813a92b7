//! Settings of an operator.

use std::sync::Arc;

use crate::connection::Drain;
use crate::gateway::{KnownNamespaces, StartError};
use crate::hub::cluster::{self, ClusterOptions, ClusterSetup, Engine};
use crate::server::endpoint::Endpoint;
use crate::server::state::StartedServer;
use crate::transport::Proxies;

/// The health listener, trusted proxies, the cluster, and how the server stops.
#[derive(Debug, Default)]
pub(in crate::server) struct Operations {
    pub(in crate::server) monitoring: Option<Endpoint>,
    /// Present where events are measured: those among the ones that are sent which have a label of their own.
    pub(in crate::server) measured: Option<Vec<String>>,
    pub(in crate::server) drain: Drain,
    pub(in crate::server) proxies: Proxies,
    /// Texts given for a proxy that are no address.
    pub(in crate::server) unreadable: Vec<String>,
    pub(in crate::server) engine: Option<Arc<dyn Engine>>,
    pub(in crate::server) cluster: ClusterOptions,
}

/// Connects a server to its cluster.
pub(super) async fn join_cluster(
    server: &StartedServer,
    engine: Arc<dyn Engine>,
    options: ClusterOptions,
) -> Result<(), StartError> {
    let (name, address) = (engine.name(), engine.address());
    let namespaces = server.shared.known().into_iter().flat_map(KnownNamespaces::without_parameters);
    let setup = ClusterSetup { engine, options, namespaces: namespaces.map(Arc::from).collect(), handler: None };
    cluster::start(&server.shared.hub, setup).await.map_err(|source| StartError::Cluster {
        engine: name,
        address,
        source,
    })
}
