//! One request under a path, from its head to its answer.

use http::{Method, Request, Response, StatusCode};

use crate::server::body::Body;
use crate::server::engine_io::check::{Query, Way, check};
use crate::server::engine_io::cors::Sharing;
use crate::server::engine_io::engine::Engine;
use crate::server::engine_io::open;
use crate::server::engine_io::post::post;
use crate::server::engine_io::refused::Refused;
use crate::server::engine_io::sessions::Session;
use crate::server::engine_io::visit::{Host, Visit, empty};
use crate::server::upgraded::Below;
use crate::transport::{Asks, UpgradeError};

/// Answers a request whose path is the engine's.
pub(crate) async fn respond(host: Host<'_>, engine: &Engine, mut request: Request<Body>) -> Response<Body> {
    let file = request.uri().path().strip_prefix(&engine.path).unwrap_or_default();
    if request.method() == Method::GET
        && let Some(response) = engine.options.bundle.respond(file, request.headers())
    {
        return response;
    }
    let sharing = Sharing { cors: engine.options.cors.as_ref(), own: &host.application.origins };
    if request.method() == Method::OPTIONS && sharing.is_open() {
        let mut response = sharing.preflight(request.headers());
        sharing.apply(request.headers(), response.headers_mut());
        return response;
    }
    let asks = Asks::of(request.headers());
    if asks == Asks::WithoutUpgrade {
        host.application.shared.hints.about(UpgradeError::Stripped);
    }
    let below = (asks == Asks::ForWebSocket).then(|| Below::of(&mut request));
    let (head, body) = request.into_parts();
    let query = Query::parse(head.uri.query().unwrap_or_default());
    let visit = Visit { host, engine, head: &head, query };
    let mut response = if let Some(below) = below {
        let upgraded = visit.upgrade(sharing, below).await;
        upgraded.unwrap_or_else(|refused| visit.note(&refused).response_to_upgrade())
    } else {
        let answered = visit.answer(sharing, body).await;
        answered.unwrap_or_else(|refused| visit.note(&refused).response())
    };
    sharing.apply(&head.headers, response.headers_mut());
    response
}

impl Visit<'_> {
    /// It asks for a WebSocket.
    async fn upgrade(&self, sharing: Sharing<'_>, below: Below) -> Result<Response<Body>, Refused> {
        match check(self.engine, sharing, self.head, &self.query, Way::Upgrade)? {
            None => open::websocket(self, below).await,
            Some(session) => open::take_over(self, session, below),
        }
    }

    async fn answer(&self, sharing: Sharing<'_>, body: Body) -> Result<Response<Body>, Refused> {
        match check(self.engine, sharing, self.head, &self.query, Way::Request)? {
            None => open::polling(self).await,
            Some(session) => self.go_on(session, body).await,
        }
    }

    /// A request of a session that exists.
    async fn go_on(&self, session: Session, body: Body) -> Result<Response<Body>, Refused> {
        let Session::Polling { peer, latest } = session else { return Ok(empty(StatusCode::BAD_REQUEST)) };
        match self.head.method {
            Method::GET => Ok(self.packets(peer.poll().await?)),
            Method::POST => {
                latest.keep(&self.head.headers);
                post(&peer, self.head, body, self).await
            }
            // As the reference has it; the session goes on.
            _ => Ok(empty(StatusCode::INTERNAL_SERVER_ERROR)),
        }
    }
}
