//! Settings of an operator.

use crate::connection::Drain;
use crate::server::endpoint::Endpoint;
use crate::transport::Proxies;

/// The health listener, trusted proxies, and how the server stops.
#[derive(Debug, Default)]
pub(in crate::server) struct Operations {
    pub(in crate::server) monitoring: Option<Endpoint>,
    /// Present where events are measured: those among the ones that are sent which have a label of their own.
    pub(in crate::server) measured: Option<Vec<String>>,
    pub(in crate::server) drain: Drain,
    pub(in crate::server) proxies: Proxies,
    /// Texts given for a proxy that are no address.
    pub(in crate::server) unreadable: Vec<String>,
}
