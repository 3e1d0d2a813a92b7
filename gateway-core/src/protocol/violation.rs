//! Violations of a protocol by a peer.

/// Why a packet ends the connection it came on.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{why}")]
pub(crate) struct Violation {
    pub(crate) why: &'static str,
}

impl Violation {
    pub(crate) fn new(why: &'static str) -> Self {
        Self { why }
    }
}
