//! Where a message of one connection happens: its server, its namespace, its socket.

use std::sync::Arc;

use crate::connection::application::Application;
use crate::connection::room_guards::room_guard;
use crate::gateway::Route;
use crate::handler::{Scope, SocketGrants};
use crate::metrics::Counter;
use crate::session::Session;
use crate::socket::Socket;

/// Lent to everything that handles messages of the connection.
#[derive(Debug)]
pub(crate) struct SocketContext {
    pub(crate) application: Arc<Application>,
    pub(crate) route: Arc<Route>,
    pub(crate) session: Arc<Session>,
    pub(crate) socket: Socket,
    /// What guards have said of it; present where there are any.
    pub(crate) grants: Option<Arc<SocketGrants>>,
}

impl SocketContext {
    /// Puts its guards before rooms, and the socket among those of the user that they named before it was there. What they
    /// grant is read on the socket, too.
    pub(crate) fn guard(&self) {
        let Some(grants) = &self.grants else { return };
        // A session has one place.
        let _ = self.session.granted.set(Arc::clone(grants.granted()));
        if !self.route.guards.is_empty() {
            let _ = self.session.room_guard.set(room_guard(&self.application, &self.route, grants));
        }
        if let Some(user) = grants.user() {
            self.socket.set_user(&user);
        }
    }

    /// The scope of its events and of the moments of its life.
    pub(crate) fn scope(&self) -> Scope<'_> {
        let Self { application, socket, grants, .. } = self;
        Scope { services: &application.services, socket: Some(socket), grants: grants.as_ref() }
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.application.counters.add(counter);
    }
}
