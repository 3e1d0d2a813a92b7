//! State of a session that its client can resume after a lost connection.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio_util::sync::CancellationToken;

use crate::protocol::cluster::StoredSession;
use crate::protocol::{OffsetNumber, read_offset};
use crate::session::{Offsets, Recovery, Session, SocketId};

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

impl SessionRecovery {
    /// Makes a session that of a client which comes from another node, and has read the events up to `offset`. Events are kept
    /// until [`Outbox::catch_up`](crate::session::Outbox::catch_up).
    pub(crate) fn take_over(
        mut session: Session,
        stored: &StoredSession,
        offset: OffsetNumber,
        limits: &Recovery,
    ) -> Session {
        session.id = SocketId::of_node(&stored.socket_id);
        if let Some(recovery) = &mut session.recovery {
            recovery.key = SocketId::of_node(&stored.private_id);
            recovery.recovered = true;
            recovery.begin_at(stored.start.as_deref().and_then(read_offset).unwrap_or_default());
        }
        session.outbox.record(limits, offset);
        session.outbox.wait_for_log();
        session
    }

    /// Notes the position of the log when the session begins.
    pub(crate) fn begin_at(&self, position: u64) {
        self.start.store(position, Ordering::Relaxed);
    }

    /// The position of the log when the session began, if known.
    pub(crate) fn start(&self) -> Option<u64> {
        let start = self.start.load(Ordering::Relaxed);
        (start > 0).then_some(start)
    }
}

#[cfg(all(test, shuttle))]
mod model;
