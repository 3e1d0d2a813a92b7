//! The list of sockets that a broadcast goes to.

use std::sync::Arc;

use crate::hub::members::Sessions;
use crate::session::{Leaves, Session};

/// A shared list of sessions, without the one that is excluded.
#[derive(Clone, Debug)]
pub(crate) struct Recipients {
    pub(super) sessions: Sessions,
    /// The excluded session: a socket that sends to a room does not receive its own event.
    pub(super) except: Option<Arc<Session>>,
    /// Number of leaves when the list was made.
    pub(crate) leaves: Leaves,
}

impl Recipients {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len() - usize::from(self.except.is_some())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Session>> + Clone {
        let except = self.except.as_ref().map_or(std::ptr::null(), Arc::as_ptr);
        self.sessions.iter().filter(move |session| Arc::as_ptr(session) != except)
    }

    /// The list and the excluded session.
    pub(super) fn list(&self) -> (&Sessions, Option<&Arc<Session>>) {
        (&self.sessions, self.except.as_ref())
    }
}
