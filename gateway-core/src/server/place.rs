//! Where a message of one connection happens: its server, its namespace, its socket.

use std::sync::Arc;

use crate::dispatch::Passes;
use crate::gateway::Route;
use crate::server::application::Application;
use crate::server::doors::doorkeeper;
use crate::session::Session;
use crate::socket::Socket;
use crate::telemetry::Counter;

/// Lent to everything that handles messages of the connection.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) application: Arc<Application>,
    pub(crate) route: Arc<Route>,
    pub(crate) session: Arc<Session>,
    pub(crate) socket: Socket,
    /// What guards have said of it; present where there are any.
    pub(crate) passes: Option<Arc<Passes>>,
}

impl Place {
    /// Puts its guards before rooms, and the socket among those of the user that they named before it was there. What they
    /// grant is read on the socket, too.
    pub(crate) fn guard(&self) {
        let Some(passes) = &self.passes else { return };
        // A session has one place.
        let _ = self.session.granted.set(Arc::clone(passes.granted()));
        if !self.route.guards.is_empty() {
            let _ = self.session.doorkeeper.set(doorkeeper(&self.application, &self.route, passes));
        }
        if let Some(user) = passes.user() {
            self.socket.set_user(&user);
        }
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.application.shared.counters.add(counter);
    }
}
