//! Guards at the doors that have no handler behind them: the upgrade, and rooms.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::timeout;

use crate::dispatch::{Access, Asked, Door, Exception, Passes};
use crate::gateway::Route;
use crate::server::application::Application;
use crate::server::before::UpgradeRefusal;
use crate::session::{Admittance, Doorkeeper, RoomRefusal, Session};
use crate::socket::Socket;
use crate::telemetry::{Counter, Rejected, hidden_failure};
use crate::transport::Handshake;

/// Asks the guards of a namespace about the request for it. What they say of it counts for its socket too.
pub(crate) async fn ask_at_upgrade(
    application: &Application,
    route: &Route,
    handshake: &Handshake,
) -> Result<Option<Arc<Passes>>, UpgradeRefusal> {
    if handshake.has_more_auth_than(application.limits.auth_bytes) {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Err(UpgradeRefusal::new(status, "the credentials are too large").because(Rejected::Malformed));
    }
    if !route.is_guarded {
        return Ok(None);
    }
    let passes = Arc::<Passes>::default();
    let access = Access::upgrade(&application.services, handshake, &passes);
    let asked = route.guards.ask(0, &access, &application.shared.counters);
    match timeout(application.limits.connect_timeout, asked).await {
        Ok(Ok(())) => Ok(Some(passes)),
        Ok(Err(exception)) => Err(refusal(&exception).because(Rejected::Guard)),
        Err(_) => {
            application.shared.counters.add(Counter::Timeouts);
            tracing::warn!(namespace = route.namespace, "a guard took too long");
            Err(UpgradeRefusal::new(StatusCode::SERVICE_UNAVAILABLE, "the guard took too long")
                .because(Rejected::Guard))
        }
    }
}

/// The status that says it best.
fn refusal(exception: &Exception) -> UpgradeRefusal {
    if let Some(id) = exception.id() {
        if let Some(error) = exception.hidden_text() {
            tracing::error!(id, error, "a guard failed");
            hidden_failure("a guard", error, Some(id));
        }
        return UpgradeRefusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("{} ({id})", exception.text()));
    }
    let status = match exception.code() {
        Some("unauthorized") => StatusCode::UNAUTHORIZED,
        Some("rate_limited") => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::FORBIDDEN,
    };
    UpgradeRefusal::new(status, exception.text().to_owned())
}

/// Asks the guards of a namespace about the rooms that one of its sockets is put into.
pub(crate) fn doorkeeper(application: &Arc<Application>, route: &Arc<Route>, passes: &Arc<Passes>) -> Doorkeeper {
    let room_door =
        RoomDoor { application: Arc::clone(application), route: Arc::clone(route), passes: Arc::clone(passes) };
    Doorkeeper::new(move |session, room| room_door.ask(session, room))
}

#[derive(Clone)]
struct RoomDoor {
    application: Arc<Application>,
    route: Arc<Route>,
    passes: Arc<Passes>,
}

impl RoomDoor {
    fn ask(&self, session: &Arc<Session>, room: &str) -> Admittance {
        let socket = Socket::new(Arc::clone(session), self.application.shared.hub.of(&session.namespace));
        let guards = &self.route.guards;
        match guards.ask_at_once(&self.access(&socket, room), socket.counters()) {
            Ok(asked) if asked == guards.len() => Admittance::Now(Ok(())),
            Ok(asked) => {
                let (door, room) = (self.clone(), room.to_owned());
                Admittance::Later(Box::pin(async move { door.wait(asked, &socket, &room).await }))
            }
            Err(exception) => Admittance::Now(Err(RoomRefusal::new(exception))),
        }
    }

    async fn wait(&self, asked: usize, socket: &Socket, room: &str) -> Result<(), RoomRefusal> {
        let access = self.access(socket, room);
        self.route.guards.ask(asked, &access, socket.counters()).await.map_err(RoomRefusal::new)
    }

    fn access<'a>(&'a self, socket: &'a Socket, room: &'a str) -> Access<'a> {
        let connect = Access::connect(&self.application.services, socket, &self.passes);
        Access::of(Door::Join, Asked::Room(room), connect)
    }
}
