//! State of a session that its client can resume after a lost connection.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, Weak};

use tokio_util::sync::CancellationToken;

use crate::session::{Offsets, Session, SocketId};

/// Additional data of a session that can be resumed.
#[derive(Debug)]
pub(crate) struct SessionRecovery {
    /// Key that the client sends to resume. Unlike the socket's id it is known to no other client.
    pub(crate) key: SocketId,
    pub(super) offsets: Arc<Offsets>,
    /// Set if this session resumed an earlier one.
    pub(super) recovered: bool,
    pub(super) away: AtomicBool,
    /// The position of the log when the session began, on whichever node; 0 if not known. Shared by all sessions of the client.
    pub(super) start: Arc<AtomicU64>,
    /// The client's latest session, shared by all of them: sessions between the first and the latest may be gone.
    pub(super) latest: Arc<Mutex<Weak<Session>>>,
    /// Cancelled when the client has resumed or can no longer resume.
    pub(super) settled: CancellationToken,
}

impl SessionRecovery {
    pub(super) fn new(key: SocketId, offsets: &Arc<Offsets>) -> Self {
        let offsets = Arc::clone(offsets);
        let (away, latest, settled) = (AtomicBool::new(false), Arc::default(), CancellationToken::new());
        let start = Arc::default();
        Self { key, offsets, recovered: false, away, start, latest, settled }
    }

    /// Data of a session that resumes the one with this data.
    pub(super) fn resumed(&self) -> Self {
        let (latest, start) = (Arc::clone(&self.latest), Arc::clone(&self.start));
        Self { recovered: true, latest, start, ..Self::new(self.key.clone(), &self.offsets) }
    }
}

#[cfg(all(test, shuttle))]
mod model;
