//! Routing of a request to an endpoint: client file, preflight, upgrade, poll or post.

use http::{Method, Request, Response, StatusCode};

use crate::server::engine_io::cors::Sharing;
use crate::server::engine_io::engine::EngineIoEndpoint;
use crate::server::engine_io::engine_request::{EngineRequest, Host, empty};
use crate::server::engine_io::post::post;
use crate::server::engine_io::rejection::EngineRejection;
use crate::server::engine_io::request_check::{EngineQuery, RequestKind, check};
use crate::server::engine_io::session_start;
use crate::server::engine_io::sessions::EngineSession;
use crate::server::http::body::Body;
use crate::server::http::upgrade::UpgradedStream;
use crate::transport::{UpgradeError, UpgradeIntent};

/// Responds to a request under the endpoint's path.
pub(crate) async fn respond(host: Host<'_>, engine: &EngineIoEndpoint, mut request: Request<Body>) -> Response<Body> {
    let file = request.uri().path().strip_prefix(&engine.path).unwrap_or_default();
    if request.method() == Method::GET
        && let Some(response) = engine.options.bundle.respond(file, request.headers())
    {
        return response;
    }
    let sharing = Sharing { cors: engine.options.cors.as_ref(), own: &host.server.origins };
    if request.method() == Method::OPTIONS && sharing.is_open() {
        let mut response = sharing.preflight(request.headers());
        sharing.apply(request.headers(), response.headers_mut());
        return response;
    }
    let asks = UpgradeIntent::from_head(request.version(), request.headers(), request.extensions());
    if asks == UpgradeIntent::WithoutUpgrade {
        host.server.shared.hints.about(UpgradeError::Stripped);
    }
    let below = asks.is_for_websocket().then(|| UpgradedStream::from_request(&mut request));
    let (head, body) = request.into_parts();
    let query = EngineQuery::parse(head.uri.query().unwrap_or_default());
    let visit = EngineRequest { host, engine, head: &head, query };
    let mut response = if let Some(below) = below {
        let upgraded = upgrade(&visit, sharing, below).await;
        upgraded.unwrap_or_else(|refused| visit.note(&refused).response_to_upgrade())
    } else {
        let answered = answer(&visit, sharing, body).await;
        answered.unwrap_or_else(|refused| visit.note(&refused).response())
    };
    sharing.apply(&head.headers, response.headers_mut());
    response
}

/// Handles a request for a WebSocket.
async fn upgrade(
    request: &EngineRequest<'_>,
    sharing: Sharing<'_>,
    below: UpgradedStream,
) -> Result<Response<Body>, EngineRejection> {
    match check(request.engine, sharing, request.head, &request.query, RequestKind::Upgrade)? {
        None => session_start::websocket(request, below).await,
        Some(session) => session_start::take_over(request, session, below),
    }
}

async fn answer(
    request: &EngineRequest<'_>,
    sharing: Sharing<'_>,
    body: Body,
) -> Result<Response<Body>, EngineRejection> {
    match check(request.engine, sharing, request.head, &request.query, RequestKind::Request)? {
        None => session_start::polling(request).await,
        Some(session) => go_on(request, session, body).await,
    }
}

/// Handles a request of an existing session.
async fn go_on(
    request: &EngineRequest<'_>,
    session: EngineSession,
    body: Body,
) -> Result<Response<Body>, EngineRejection> {
    let EngineSession::Polling { peer, latest } = session else { return Ok(empty(StatusCode::BAD_REQUEST)) };
    match request.head.method {
        Method::GET => Ok(request.packets(peer.poll().await?)),
        Method::POST => {
            latest.keep(&request.head.headers);
            post(&peer, request.head, body, request).await
        }
        // As the reference server does. The session continues.
        _ => Ok(empty(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}
