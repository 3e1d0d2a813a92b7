//! Where a message of one connection happens: its server, its namespace, its socket.

use std::sync::Arc;

use crate::gateway::Route;
use crate::server::application::Application;
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
}

impl Place {
    pub(crate) fn count(&self, counter: Counter) {
        self.application.shared.counters.add(counter);
    }
}
