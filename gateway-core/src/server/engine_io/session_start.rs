//! Start of a session: by a poll, by a WebSocket, and by a WebSocket that takes one over.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, SET_COOKIE};

use crate::connection::Application;
use crate::connection::{ConnectionScope, serve};
use crate::metrics::Rejected;
use crate::protocol::engine_io::OpenPacket;
use crate::server::body::Body;
use crate::server::engine_io::engine::{Engine, Serves};
use crate::server::engine_io::engine_request::EngineRequest;
use crate::server::engine_io::options::EngineOptions;
use crate::server::engine_io::rejection::{EngineRejection, RejectionCode};
use crate::server::engine_io::sessions::{EngineSession, SessionEntry};
use crate::server::guards::guard_upgrade;
use crate::server::handshake_check::HandshakeRejection;
use crate::server::state::StartedServer;
use crate::server::upgrade::{StreamHandler, UpgradedStream, when_upgraded};
use crate::transport::{
    Agreed, ConnectionPermit, EngineTransport, Handshake, LatestHeaders, Polling, PollingPeer, ProbeTimeouts, Query,
    SessionError, Stream, Upgrade, UpgradeError, UpgradeIntent, UpgradeProbe, WebSocket, dismiss, upgrade,
};

/// A session of long polling: the answer is its open packet.
pub(super) async fn polling(visit: &EngineRequest<'_>) -> Result<Response<Body>, EngineRejection> {
    let EngineRequest { host, engine, .. } = visit;
    let latest = LatestHeaders::default();
    let AdmittedClient { entry, handshake, permit } =
        visit.admit(|handshake| handshake.with_latest_headers(latest.clone())).await?;
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
    let config = engine.options.config(&entry);
    let serving = serve(entered.with(transport), application, entry, handshake, config);
    host.server.shared.tasks.spawn(serving);
    Ok(response)
}

/// A session that is a WebSocket from its start.
pub(super) async fn websocket(
    visit: &EngineRequest<'_>,
    below: UpgradedStream,
) -> Result<Response<Body>, EngineRejection> {
    let EngineRequest { host, engine, .. } = visit;
    let upgrade = check_upgrade(visit)?;
    let AdmittedClient { entry, handshake, permit } =
        visit.admit(|handshake| handshake.with_protocol(upgrade.protocol())).await?;
    let entered = engine.sessions.enter(EngineSession::WebSocket);
    let id = entered.id().to_text();
    let open = open_packet(&engine.options, &id, &[]);
    let mut response = upgrade.response();
    greet(&engine.options, response.headers_mut(), &handshake, &id);
    let (server, options) = (Arc::clone(host.server), Arc::clone(&engine.options));
    let agreed = upgrade.agreed();
    let begin = WebSocketSession { server, options, agreed, entered, entry, handshake, permit, open };
    when_upgraded(below, &host.server.shared.tasks, begin);
    Ok(response)
}

/// A WebSocket for a session that polls. Where it may not have it, the WebSocket is opened and closed.
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
    Upgrade::check(visit.head, UpgradeIntent::of(&visit.head.headers), &[])
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

impl EngineRequest<'_> {
    /// Asks the application. `complete` adds what only the kind of transport knows.
    async fn admit(&self, complete: impl FnOnce(Handshake) -> Handshake) -> Result<AdmittedClient, EngineRejection> {
        let Self { host, engine, head, query } = self;
        if host.server.shared.is_stopping() {
            return Err(EngineRejection::stopping());
        }
        let text = head.uri.query().unwrap_or_default();
        Query::check(text, &host.server.application.limits).map_err(EngineRejection::too_long)?;
        let Destination { mut entry, path, parameters } =
            destination(engine, &host.server.application).ok_or(RejectionCode::BadRequest)?;
        let address = host.server.address(host.peer, &head.headers);
        let permit = host.server.limiter.enter(address).map_err(HandshakeRejection::from)?;
        let handshake = Handshake::new(path, text, &head.headers, host.peer).with_address(address);
        let handshake = complete(handshake.with_parameters(parameters));
        for check in host.before.into_iter().chain(&engine.options.allow_request) {
            check.ask(handshake.clone()).await?;
        }
        if let ConnectionScope::Namespace(found) = &mut entry {
            found.grants = guard_upgrade(&host.server.application, &found.route, &handshake).await?;
        }
        query.check_version()?;
        Ok(AdmittedClient { entry, handshake, permit })
    }
}

/// A client that may come in.
struct AdmittedClient {
    entry: ConnectionScope,
    handshake: Handshake,
    permit: Option<Box<ConnectionPermit>>,
}

/// Purpose of a session, and the handshake that user code sees.
struct Destination {
    entry: ConnectionScope,
    path: String,
    parameters: Vec<(String, String)>,
}

fn destination(engine: &Engine, application: &Application) -> Option<Destination> {
    match &engine.serves {
        Serves::SocketIo => {
            let entry = ConnectionScope::Multiplexed(engine.options.connect_timeout);
            Some(Destination { entry, path: engine.path.clone(), parameters: Vec::new() })
        }
        Serves::Raw(namespace) => {
            let mut found = application.routes.find(namespace)?;
            let parameters = std::mem::take(&mut found.parameters);
            let path = found.name.clone();
            Some(Destination { entry: ConnectionScope::Namespace(found), path, parameters })
        }
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

/// Adds the headers that only the answer of a handshake has.
fn greet(options: &EngineOptions, headers: &mut HeaderMap, handshake: &Handshake, id: &str) {
    if let Some(cookie) = &options.cookie {
        headers.append(SET_COOKIE, cookie.header(id));
    }
    if let Some(initial) = &options.initial_headers {
        initial.write(headers, handshake);
    }
}

/// A session that begins with its WebSocket.
struct WebSocketSession {
    server: Arc<StartedServer>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    entered: SessionEntry,
    entry: ConnectionScope,
    handshake: Handshake,
    permit: Option<Box<ConnectionPermit>>,
    open: String,
}

impl StreamHandler for WebSocketSession {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { server, options, agreed, entered, entry, handshake, permit, open } = self;
        let websocket = WebSocket::new(stream, &read_ahead, options.max_http_buffer_size);
        let websocket = websocket.with_deflate(agreed).holding(permit);
        let opened = EngineTransport::open(websocket, &open, server.application.limits.handshake_timeout).await;
        let Some(transport) = opened else { return };
        let application = Arc::clone(&server.application);
        let config = options.config(&entry);
        server.shared.tasks.spawn(serve(entered.with(transport), application, entry, handshake, config));
    }
}

/// A WebSocket that may take a session over, where it has a probe.
struct SessionUpgrade {
    server: Arc<StartedServer>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    mover: Option<UpgradableSession>,
}

/// A session that may move.
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
