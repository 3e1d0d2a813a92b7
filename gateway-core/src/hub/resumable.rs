//! The table of sessions that clients may resume, connected ones and disconnected ones.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;

use crate::hub::Space;
use crate::hub::members::give_back;
use crate::session::{Session, SocketId};
use crate::sync::{Mutex, MutexGuard, unpoisoned};

/// Sessions by their key, which only the client knows. A key names one session at a time, the latest.
#[derive(Debug, Default)]
pub(crate) struct Resumable(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    sessions: HashMap<SocketId, ResumableEntry>,
    /// Number of disconnected sessions.
    away: usize,
}

#[derive(Debug)]
struct ResumableEntry {
    session: Arc<Session>,
    /// Time of the disconnect. Stays set until the resumed session has connected.
    away_since: Option<Instant>,
}

/// A session whose client has resumed.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) session: Arc<Session>,
    /// The replaced session, which ends.
    pub(crate) earlier: Arc<Session>,
}

impl Resumable {
    /// Makes a connected session resumable with its key. Returns `false` if another session already has the key, or the
    /// session cannot be resumed.
    pub(crate) fn keep(&self, session: &Arc<Session>) -> bool {
        let Some(key) = session.recovery_key() else { return false };
        let mut table = self.lock();
        match table.sessions.get_mut(key) {
            None if session.is_recovered() => false,
            None => {
                table.sessions.insert(key.clone(), ResumableEntry { session: Arc::clone(session), away_since: None });
                true
            }
            Some(entry) => {
                let is_back = entry.is_of(session) && entry.away_since.take().is_some();
                table.away -= usize::from(is_back);
                is_back
            }
        }
    }

    /// Replaces the session with this key by `session`; the client has received the events up to `offset`. The key then names
    /// `session`. Returns `None` if resuming is not possible and the client becomes a new socket.
    pub(crate) fn resume(&self, space: &Space, key: &str, offset: &str, session: Session) -> Option<Resumed> {
        let mut table = self.lock();
        let entry = table.sessions.get_mut(key)?;
        if entry.session.namespace != session.namespace || entry.session.format != session.format {
            return None;
        }
        let Some(session) = session.resume_from(&entry.session, offset) else {
            entry.session.retire();
            return None;
        };
        // First of all, because the end of the earlier connection removes its own session from the rooms.
        space.replace(&session);
        let earlier = std::mem::replace(&mut entry.session, Arc::clone(&session));
        let was_here = entry.away_since.is_none();
        entry.away_since.get_or_insert_with(Instant::now);
        table.away += usize::from(was_here);
        Some(Resumed { session, earlier })
    }

    /// Returns `true` if this key names a session of this node.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.lock().sessions.contains_key(key)
    }

    /// Ends the session with this key, which is on another node now.
    pub(crate) fn retire(&self, key: &str) {
        let session = self.lock().sessions.get(key).map(|entry| Arc::clone(&entry.session));
        if let Some(session) = session {
            session.retire();
            self.forget(&session);
        }
    }

    /// Adds a session that was taken over from another node. It counts as disconnected until its socket is accepted.
    pub(crate) fn adopt(&self, session: &Arc<Session>) {
        let Some(key) = session.recovery_key() else { return };
        self.retire(key.as_str());
        let entry = ResumableEntry { session: Arc::clone(session), away_since: Some(Instant::now()) };
        let mut table = self.lock();
        let replaced = table.sessions.insert(key.clone(), entry);
        table.away += 1;
        table.away -= usize::from(replaced.is_some_and(|entry| entry.away_since.is_some()));
    }

    /// Marks a session as disconnected but resumable. Returns the time of the disconnect; `None` if it cannot be resumed.
    pub(crate) fn lose(&self, session: &Session, at_most: usize) -> Option<Instant> {
        let key = session.recovery_key()?;
        let mut table = self.lock();
        let Table { sessions, away } = &mut *table;
        let entry = sessions.get_mut(key).filter(|entry| entry.is_of(session))?;
        // A session that was still being resumed is counted already, also if it replaced an open connection.
        *away -= usize::from(entry.away_since.is_some());
        if *away >= at_most {
            sessions.remove(key);
            return None;
        }
        *away += 1;
        Some(*entry.away_since.get_or_insert_with(Instant::now))
    }

    /// Removes a session: it cannot be resumed any more.
    pub(crate) fn forget(&self, session: &Session) {
        let Some(key) = session.recovery_key() else { return };
        let mut table = self.lock();
        if table.sessions.get(key).is_some_and(|entry| entry.is_of(session))
            && let Some(entry) = table.sessions.remove(key)
        {
            table.away -= usize::from(entry.away_since.is_some());
            give_back(&mut table.sessions);
        }
    }

    /// Number of sessions, and how many of them are disconnected.
    #[cfg(all(test, shuttle))]
    pub(crate) fn counts(&self) -> (usize, usize) {
        let table = self.lock();
        (table.sessions.len(), table.away)
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        unpoisoned(self.0.lock())
    }
}

impl ResumableEntry {
    fn is_of(&self, session: &Session) -> bool {
        std::ptr::eq(&raw const *self.session, session)
    }
}
