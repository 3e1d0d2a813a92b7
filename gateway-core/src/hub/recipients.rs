//! The sockets that something is sent to, as they were listed.

use std::sync::Arc;

use crate::hub::members::Sessions;
use crate::session::{Leaves, Session};

/// A list that many broadcasts share, but for the one of its sockets that is left out.
#[derive(Clone, Debug)]
pub(crate) struct Recipients {
    pub(super) sessions: Sessions,
    /// One of the list: what a socket sends to others is for all of a room but itself.
    pub(super) except: Option<Arc<Session>>,
    /// As many sockets had left a room when they were listed.
    pub(crate) leaves: Leaves,
}

impl Recipients {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len() - usize::from(self.except.is_some())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        let except = self.except.as_ref().map_or(std::ptr::null(), Arc::as_ptr);
        self.sessions.iter().filter(move |session| Arc::as_ptr(session) != except)
    }

    /// The list and the one that is left out.
    pub(super) fn list(&self) -> (&Sessions, Option<&Arc<Session>>) {
        (&self.sessions, self.except.as_ref())
    }
}
