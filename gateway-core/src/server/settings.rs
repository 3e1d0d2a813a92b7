//! What an operator sets.

use crate::connection::Drain;
use crate::server::endpoint::Endpoint;
use crate::transport::Proxies;

/// Who may watch, whom the server believes, how it stops.
#[derive(Debug, Default)]
pub(super) struct Operations {
    pub(super) monitoring: Option<Endpoint>,
    /// Present where events are measured: those among the ones that are sent which have a label of their own.
    pub(super) measured: Option<Vec<String>>,
    pub(super) drain: Drain,
    pub(super) proxies: Proxies,
    /// What was given for a proxy and is none.
    pub(super) unreadable: Vec<String>,
}
