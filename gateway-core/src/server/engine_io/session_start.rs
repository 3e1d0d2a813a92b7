//! Start of a session by a poll or by a WebSocket, and the upgrade of a polling session.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, SET_COOKIE};

use crate::connection::{Application, serve};
use crate::metrics::Rejected;
use crate::protocol::engine_io::OpenPacket;
use crate::server::admit::{Admitted, ConnectionRequest, Destination, admit};
use crate::server::engine_io::engine::{EngineIoEndpoint, Serves};
use crate::server::engine_io::engine_request::{EngineRequest, Host};
use crate::server::engine_io::options::EngineOptions;
use crate::server::engine_io::rejection::{EngineRejection, RejectionCode};
use crate::server::engine_io::sessions::{EngineSession, SessionEntry};
use crate::server::http::body::Body;
use crate::server::http::upgrade::{StreamHandler, UpgradedStream, when_upgraded};
use crate::server::state::StartedServer;
use crate::transport::{
    Agreed, EngineTransport, Handshake, LatestHeaders, Polling, PollingPeer, ProbeTimeouts, SessionError, Stream,
    Upgrade, UpgradeError, UpgradeIntent, UpgradeProbe, WebSocket, dismiss, upgrade,
};

/// Starts a polling session. The response has its open packet.
pub(super) async fn polling(visit: &EngineRequest<'_>) -> Result<Response<Body>, EngineRejection> {
    let EngineRequest { host, engine, .. } = visit;
    let latest = LatestHeaders::default();
    let Admitted { scope, handshake, permit } =
        admit_visit(visit, |handshake| handshake.with_latest_headers(latest.clone())).await?;
    let places = engine.sessions.places(&host.server.application.limits);
    let (context, unclaimed) = places.ok_or(EngineRejection::unavailable(Rejected::Limit, "too many sessions"))?;
    let (transport, peer) = Polling::new(context, unclaimed);
    let transport = transport.holding(permit);
    let entered = engine.sessions.enter(EngineSession::Polling { peer, latest });
    let id = entered.id().to_text();
    let upgrades: &[&str] = if engine.options.upgrades() { &["websocket"] } else { &[] };
    let mut response = visit.packets(open_packet(&engine.options, &id, upgrades).into());
    greet(&engine.options, response.headers_mut(), &handshake, &id);
    let application = Arc::clone(&host.server.application);
    let config = engine.options.config(&scope);
    let serving = serve(entered.with(transport), application, scope, handshake, config);
    host.server.shared.tasks.spawn(serving);
    Ok(response)
}

/// Starts a session over a WebSocket.
pub(super) async fn websocket(
    visit: &EngineRequest<'_>,
    below: UpgradedStream,
) -> Result<Response<Body>, EngineRejection> {
    let EngineRequest { host, engine, .. } = visit;
    let upgrade = check_upgrade(visit)?;
    let admitted = admit_visit(visit, |handshake| handshake.with_protocol(upgrade.protocol())).await?;
    let entered = engine.sessions.enter(EngineSession::WebSocket);
    let id = entered.id().to_text();
    let open = open_packet(&engine.options, &id, &[]);
    let mut response = upgrade.response();
    greet(&engine.options, response.headers_mut(), &admitted.handshake, &id);
    let (server, options) = (Arc::clone(host.server), Arc::clone(&engine.options));
    let agreed = upgrade.agreed();
    let begin = WebSocketSession { server, options, agreed, entered, admitted, open };
    when_upgraded(below, &host.server.shared.tasks, begin);
    Ok(response)
}

/// Upgrades a polling session. If the session cannot be upgraded, the WebSocket is opened and closed.
pub(super) fn take_over(
    visit: &EngineRequest<'_>,
    session: EngineSession,
    below: UpgradedStream,
) -> Result<Response<Body>, EngineRejection> {
    let EngineRequest { host, engine, .. } = visit;
    let upgrade = check_upgrade(visit)?;
    if !engine.options.upgrades() {
        return Err(RejectionCode::BadRequest.into());
    }
    let mover = match session {
        EngineSession::Polling { peer, latest } => peer.probe().map(|probe| UpgradableSession { probe, peer, latest }),
        EngineSession::WebSocket => None,
    };
    let (server, options) = (Arc::clone(host.server), Arc::clone(&engine.options));
    let take_over = SessionUpgrade { server, options, agreed: upgrade.agreed(), mover };
    when_upgraded(below, &host.server.shared.tasks, take_over);
    Ok(upgrade.response())
}

fn check_upgrade(visit: &EngineRequest<'_>) -> Result<Upgrade, EngineRejection> {
    let headers = &visit.head.headers;
    let deflate = visit.engine.options.per_message_deflate.as_ref().or(visit.host.server.deflate.as_ref());
    let asks = UpgradeIntent::from_head(visit.head.version, headers, &visit.head.extensions);
    Upgrade::check(visit.head, asks, &[])
        .map(|upgrade| upgrade.with_first_offer(headers).with_deflate(headers, deflate))
        .map_err(|error| match error {
            UpgradeError::Version => EngineRejection::version(error.to_string()),
            UpgradeError::NotAnUpgrade
            | UpgradeError::Stripped
            | UpgradeError::Method
            | UpgradeError::HttpVersion
            | UpgradeError::Connection
            | UpgradeError::Key => EngineRejection::new(RejectionCode::BadRequest, error.to_string()),
        })
}

async fn admit_visit(
    visit: &EngineRequest<'_>,
    complete: impl FnOnce(Handshake) -> Handshake,
) -> Result<Admitted, EngineRejection> {
    let EngineRequest { host: Host { server, peer, is_encrypted, certificate }, engine, head, query } = visit;
    let complete = |handshake: Handshake| complete(handshake.with_certificate(certificate.get()));
    let request = ConnectionRequest {
        destination: destination(engine, &server.application).ok_or(RejectionCode::BadRequest)?,
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        peer: *peer,
        engine: Some(&engine.options),
        cors: engine.options.cors.as_ref(),
    };
    let admitted = admit(server, request, |handshake| complete(handshake.with_encryption(*is_encrypted))).await?;
    // The reference server checks the version last.
    query.check_version()?;
    Ok(admitted)
}

fn destination(engine: &EngineIoEndpoint, application: &Application) -> Option<Destination> {
    match &engine.serves {
        Serves::SocketIo => {
            let connect_timeout = engine.options.connect_timeout;
            Some(Destination::Multiplexed { path: engine.path.clone(), connect_timeout })
        }
        Serves::Raw(namespace) => application.routes.find(namespace).map(Destination::Namespace),
    }
}

fn open_packet(options: &EngineOptions, id: &str, upgrades: &[&str]) -> String {
    let open = OpenPacket {
        session: id,
        upgrades,
        ping_interval: options.ping_interval,
        ping_timeout: options.ping_timeout,
        max_payload: options.max_http_buffer_size,
    };
    open.packet()
}

/// Adds the headers that only the response to a handshake has.
fn greet(options: &EngineOptions, headers: &mut HeaderMap, handshake: &Handshake, id: &str) {
    if let Some(cookie) = &options.cookie {
        headers.append(SET_COOKIE, cookie.header(id));
    }
    if let Some(initial) = &options.initial_headers {
        initial.write(headers, handshake);
    }
}

/// A session over a WebSocket, before the stream is upgraded.
struct WebSocketSession {
    server: Arc<StartedServer>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    entered: SessionEntry,
    admitted: Admitted,
    open: String,
}

impl StreamHandler for WebSocketSession {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { server, options, agreed, entered, admitted, open } = self;
        let Admitted { scope, handshake, permit } = admitted;
        let websocket = WebSocket::new(stream, &read_ahead, options.max_http_buffer_size);
        let websocket = websocket.with_deflate(agreed).holding(permit);
        let opened = EngineTransport::open(websocket, &open, server.application.limits.handshake_timeout).await;
        let Some(transport) = opened else { return };
        let application = Arc::clone(&server.application);
        let config = options.config(&scope);
        server.shared.tasks.spawn(serve(entered.with(transport), application, scope, handshake, config));
    }
}

/// An upgrade of a polling session. Without a probe the WebSocket is closed.
struct SessionUpgrade {
    server: Arc<StartedServer>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    mover: Option<UpgradableSession>,
}

/// A session that can be upgraded.
struct UpgradableSession {
    probe: UpgradeProbe,
    peer: PollingPeer,
    latest: LatestHeaders,
}

impl StreamHandler for SessionUpgrade {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { server, options, agreed, mover } = self;
        let websocket = WebSocket::new(stream, &read_ahead, options.max_http_buffer_size).with_deflate(agreed);
        let patience =
            ProbeTimeouts { upgrade: options.upgrade_timeout, close: server.application.limits.close_timeout };
        match mover {
            Some(UpgradableSession { probe, peer, latest }) => {
                upgrade(websocket, probe, patience).await;
                if peer.standing() == Err(SessionError::Moved) {
                    latest.moved();
                }
            }
            None => dismiss(websocket, patience.close).await,
        }
    }
}
