//! Guards at the doors that have no handler behind them: the upgrade, and rooms.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::timeout;

use crate::gateway::Route;
use crate::handler::{Exception, GuardContext, GuardPoint, GuardSubject, SocketGrants};
use crate::metrics::{Counter, Rejected, hidden_failure};
use crate::server::application::Application;
use crate::server::handshake_check::HandshakeRejection;
use crate::session::{GuardDecision, RoomGuard, RoomRefusal, Session};
use crate::socket::Socket;
use crate::transport::Handshake;

/// Asks the guards of a namespace about the request for it. What they say of it counts for its socket too.
pub(crate) async fn guard_upgrade(
    application: &Application,
    route: &Route,
    handshake: &Handshake,
) -> Result<Option<Arc<SocketGrants>>, HandshakeRejection> {
    if handshake.has_more_auth_than(application.limits.auth_bytes) {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(HandshakeRejection::new(status, "the credentials are too large").because(Rejected::Malformed));
    }
    if !route.is_guarded {
        return Ok(None);
    }
    let grants = Arc::<SocketGrants>::default();
    let context = GuardContext::upgrade(&application.services, handshake, &grants);
    let asked = route.guards.ask(0, &context, &application.shared.counters);
    match timeout(application.limits.connect_timeout, asked).await {
        Ok(Ok(())) => Ok(Some(grants)),
        Ok(Err(exception)) => Err(refusal(&exception).because(Rejected::Guard)),
        Err(_) => {
            application.shared.counters.add(Counter::Timeouts);
            tracing::warn!(namespace = route.namespace, "a guard took too long");
            Err(HandshakeRejection::new(StatusCode::SERVICE_UNAVAILABLE, "the guard took too long")
                .because(Rejected::Guard))
        }
    }
}

/// The status that says it best.
fn refusal(exception: &Exception) -> HandshakeRejection {
    if let Some(id) = exception.id() {
        if let Some(error) = exception.hidden_text() {
            tracing::error!(id, error, "a guard failed");
            hidden_failure("a guard", error, Some(id));
        }
        return HandshakeRejection::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{} ({id})", exception.text()));
    }
    let status = match exception.code() {
        Some("unauthorized") => StatusCode::UNAUTHORIZED,
        Some("rate_limited") => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    };
    HandshakeRejection::new(status, exception.text().to_owned())
}

/// Asks the guards of a namespace about the rooms that one of its sockets is put into.
pub(crate) fn room_guard(application: &Arc<Application>, route: &Arc<Route>, grants: &Arc<SocketGrants>) -> RoomGuard {
    let room_door =
        RoomGuards { application: Arc::clone(application), route: Arc::clone(route), grants: Arc::clone(grants) };
    RoomGuard::new(move |session, room| room_door.ask(session, room))
}

#[derive(Clone)]
struct RoomGuards {
    application: Arc<Application>,
    route: Arc<Route>,
    grants: Arc<SocketGrants>,
}

impl RoomGuards {
    fn ask(&self, session: &Arc<Session>, room: &str) -> GuardDecision {
        let socket = Socket::new(Arc::clone(session), self.application.shared.hub.of(&session.namespace));
        let guards = &self.route.guards;
        match guards.ask_at_once(&self.context(&socket, room), socket.counters()) {
            Ok(asked) if asked == guards.len() => GuardDecision::Now(Ok(())),
            Ok(asked) => {
                let (door, room) = (self.clone(), room.to_owned());
                GuardDecision::Later(Box::pin(async move { door.wait(asked, &socket, &room).await }))
            }
            Err(exception) => GuardDecision::Now(Err(RoomRefusal::new(exception))),
        }
    }

    async fn wait(&self, asked: usize, socket: &Socket, room: &str) -> Result<(), RoomRefusal> {
        let context = self.context(socket, room);
        self.route.guards.ask(asked, &context, socket.counters()).await.map_err(RoomRefusal::new)
    }

    fn context<'a>(&'a self, socket: &'a Socket, room: &'a str) -> GuardContext<'a> {
        let connect = GuardContext::connect(&self.application.services, socket, &self.grants);
        GuardContext::of(GuardPoint::Join, GuardSubject::Room(room), connect)
    }
}
