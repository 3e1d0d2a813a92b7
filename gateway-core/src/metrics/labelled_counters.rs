//! Counters by reason, for events rare enough for a lock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use crate::sync::lock;

/// Reason of a rejected handshake.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Rejected {
    /// The page's origin is not allowed.
    Origin,
    /// A guard refused.
    Guard,
    /// The application's own check refused.
    Application,
    /// The request is malformed.
    Malformed,
    /// The path is not served.
    NotFound,
    /// The session has ended, or belongs to another server.
    UnknownSession,
    /// A connection limit is reached.
    Limit,
    /// The server is stopping.
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

    /// Returns `true` if the same request may succeed later.
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

/// Counters, one per reason.
#[derive(Debug, Default)]
pub(crate) struct LabelledCounters(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    rejected: BTreeMap<Rejected, u64>,
    /// Counts by reason and close code. Unknown codes count as `None`, since a client may send thousands of different ones.
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
        lock(&self.0)
    }
}
