//! Sockets whose connection was lost, while they may come back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::session::Session;

/// By the key that only their client knows.
#[derive(Debug, Default)]
pub(crate) struct Lost(Mutex<HashMap<Box<str>, Missing>>);

#[derive(Debug)]
struct Missing {
    session: Arc<Session>,
    found: CancellationToken,
}

impl Lost {
    /// Waits for the client of this session; `None` where too many are waited for. What is given fires when it came back.
    pub(crate) fn wait_for(&self, session: &Arc<Session>, at_most: usize) -> Option<CancellationToken> {
        let key = session.recovery_key()?;
        let mut missing = self.lock();
        if missing.len() >= at_most {
            return None;
        }
        let found = CancellationToken::new();
        missing.insert(key.into(), Missing { session: Arc::clone(session), found: found.clone() });
        Some(found)
    }

    /// Nobody waits for this session any longer.
    pub(crate) fn give_up(&self, session: &Session) {
        let key = session.recovery_key().unwrap_or_default();
        let mut missing = self.lock();
        if missing.get(key).is_some_and(|missing| std::ptr::eq(&raw const *missing.session, session)) {
            missing.remove(key);
        }
    }

    /// Lets `comeback` make a new session out of the one of this key; one that was found is not found again.
    pub(crate) fn find(
        &self,
        key: &str,
        comeback: impl FnOnce(&Session) -> Option<Arc<Session>>,
    ) -> Option<Arc<Session>> {
        let mut missing = self.lock();
        let session = comeback(&missing.get(key)?.session)?;
        if let Some(Missing { found, .. }) = missing.remove(key) {
            found.cancel();
        }
        Some(session)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Missing>> {
        // No user code runs under this lock, so a poisoned lock still guards whole data.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
