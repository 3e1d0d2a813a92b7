//! The context of a socket's messages: its application, namespace and session.

use std::sync::Arc;

use crate::connection::application::Application;
use crate::connection::room_guards::room_guard;
use crate::gateway::Route;
use crate::handler::{Scope, SocketGrants};
use crate::metrics::Counter;
use crate::session::Session;
use crate::socket::Socket;

/// The context of a socket, borrowed by all code that handles its messages.
#[derive(Debug)]
pub(crate) struct SocketContext {
    pub(crate) application: Arc<Application>,
    pub(crate) route: Arc<Route>,
    pub(crate) session: Arc<Session>,
    pub(crate) socket: Socket,
    /// Grants of guards; present if there are guards.
    pub(crate) grants: Option<Arc<SocketGrants>>,
}

impl SocketContext {
    /// Installs the room guards, and makes earlier grants and the user available on the socket.
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

    /// The scope of its events and hooks.
    pub(crate) fn scope(&self) -> Scope<'_> {
        let Self { application, socket, grants, .. } = self;
        Scope { services: &application.services, socket: Some(socket), grants: grants.as_ref() }
    }

    pub(crate) fn count(&self, counter: Counter) {
        self.application.telemetry.counters.add(counter);
    }
}
