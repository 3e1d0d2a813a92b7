//! Settings of an operator.

use crate::connection::Drain;
use crate::server::endpoint::Endpoint;
use crate::transport::Proxies;

/// The health listener, trusted proxies, and how the server stops.
#[derive(Debug, Default)]
pub(super) struct Operations {
    pub(super) monitoring: Option<Endpoint>,
    /// Present where events are measured: those among the ones that are sent which have a label of their own.
    pub(super) measured: Option<Vec<String>>,
    pub(super) drain: Drain,
    pub(super) proxies: Proxies,
    /// Texts given for a proxy that are no address.
    pub(super) unreadable: Vec<String>,
}
