//! Counters by reason, for events so rare that a lock is cheap enough.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Why a handshake was rejected.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rejected {
    /// A page of a host that may not connect.
    Origin,
    /// A guard said no.
    Guard,
    /// The application's own check did.
    Application,
    /// The request is none that could be answered.
    Malformed,
    /// Nothing is served there.
    NotFound,
    /// A session that is not here: it ended, or it is another server's.
    UnknownSession,
    /// As many are here as may be.
    Limit,
    /// The server stops.
    Stopping,
}

impl Rejected {
    pub(crate) const ALL: [Self; 8] = [
        Self::Origin,
        Self::Guard,
        Self::Application,
        Self::Malformed,
        Self::NotFound,
        Self::UnknownSession,
        Self::Limit,
        Self::Stopping,
    ];

    /// Returns `true` if the same request may be answered a little later.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Self::Limit | Self::Stopping)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Origin => "origin",
            Self::Guard => "guard",
            Self::Application => "application",
            Self::Malformed => "malformed",
            Self::NotFound => "not_found",
            Self::UnknownSession => "unknown_session",
            Self::Limit => "limit",
            Self::Stopping => "stopping",
        }
    }
}

/// Counters, one a reason.
#[derive(Debug, Default)]
pub(crate) struct LabelledCounters(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    rejected: BTreeMap<Rejected, u64>,
    /// By the kind of reason and the close code; a code that is none of ours is `None`: a client may send thousands.
    disconnected: BTreeMap<(&'static str, Option<u16>), u64>,
}

impl LabelledCounters {
    pub(crate) fn rejected(&self, why: Rejected) {
        *self.lock().rejected.entry(why).or_default() += 1;
    }

    pub(crate) fn disconnected(&self, reason: &'static str, code: Option<u16>) {
        *self.lock().disconnected.entry((reason, code)).or_default() += 1;
    }

    pub(crate) fn rejections(&self, why: Rejected) -> u64 {
        self.lock().rejected.get(&why).copied().unwrap_or_default()
    }

    pub(crate) fn disconnections(&self) -> Vec<(&'static str, Option<u16>, u64)> {
        self.lock().disconnected.iter().map(|(&(reason, code), &count)| (reason, code, count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
