//! The guards of a namespace before its rooms.

use std::sync::Arc;

use crate::connection::application::Application;
use crate::error::Exception;
use crate::gateway::Route;
use crate::handler::{Context, Extensions, GuardContext, GuardPoint, Scope, SocketGrants, Subject};
use crate::session::{GuardDecision, RoomGuard, Session};
use crate::socket::Socket;

/// Asks the guards of a namespace about the rooms that one of its sockets is put into.
pub(crate) fn room_guard(application: &Arc<Application>, route: &Arc<Route>, grants: &Arc<SocketGrants>) -> RoomGuard {
    let guards =
        RoomGuards { application: Arc::clone(application), route: Arc::clone(route), grants: Arc::clone(grants) };
    RoomGuard::new(move |session, room| guards.check(session, room))
}

#[derive(Clone)]
struct RoomGuards {
    application: Arc<Application>,
    route: Arc<Route>,
    grants: Arc<SocketGrants>,
}

impl RoomGuards {
    fn check(&self, session: &Arc<Session>, room: &str) -> GuardDecision {
        let socket = Socket::new(Arc::clone(session), self.application.hub.space(&session.namespace));
        let (guards, extensions) = (&self.route.guards, Extensions::default());
        match guards.check_now(
            &GuardContext::new(GuardPoint::Join, &self.context(&socket, room, &extensions)),
            socket.counters(),
        ) {
            Ok(asked) if asked == guards.len() => GuardDecision::Now(Ok(())),
            Ok(asked) => {
                let (guards, room) = (self.clone(), room.to_owned());
                GuardDecision::Later(Box::pin(async move { guards.wait(asked, &socket, &room).await }))
            }
            Err(exception) => GuardDecision::Now(Err(exception)),
        }
    }

    async fn wait(&self, asked: usize, socket: &Socket, room: &str) -> Result<(), Exception> {
        let extensions = Extensions::default();
        let about = self.context(socket, room, &extensions);
        self.route.guards.check(asked, &GuardContext::new(GuardPoint::Join, &about), socket.counters()).await
    }

    fn context<'a>(&'a self, socket: &'a Socket, room: &'a str, extensions: &'a Extensions) -> Context<'a> {
        let Self { application, grants, .. } = self;
        let scope = Scope { services: &application.services, socket: Some(socket), grants: Some(grants) };
        Context::new(scope, Subject::Room(room), extensions)
    }
}
