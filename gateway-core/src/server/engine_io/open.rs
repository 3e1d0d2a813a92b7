//! How sessions begin: by a poll, by a WebSocket, and how a WebSocket takes one over.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use http::header::{HeaderMap, SET_COOKIE};

use crate::server::application::Application;
use crate::server::before::UpgradeRefusal;
use crate::server::body::Body;
use crate::server::connection::{Entry, serve};
use crate::server::doors::ask_at_upgrade;
use crate::server::engine_io::engine::{Engine, Serves};
use crate::server::engine_io::options::EngineOptions;
use crate::server::engine_io::refused::{Code, Refused};
use crate::server::engine_io::sessions::{Entered, Session};
use crate::server::engine_io::visit::Visit;
use crate::server::upgraded::{Below, Start, when_upgraded};
use crate::telemetry::Rejected;
use crate::transport::{
    Agreed, Asks, EngineIo, Handshake, LatestHeaders, Patience, Polling, PollingPeer, Present, Probe, Query, Stream,
    Turned, Upgrade, UpgradeError, WebSocket, dismiss, upgrade,
};
use crate::wire::engine_io::Open;

/// A session of long polling: the answer is its open packet.
pub(super) async fn polling(visit: &Visit<'_>) -> Result<Response<Body>, Refused> {
    let Visit { host, engine, .. } = visit;
    let latest = LatestHeaders::default();
    let Admitted { entry, handshake, present } =
        visit.admit(|handshake| handshake.with_latest_headers(latest.clone())).await?;
    let places = engine.sessions.places(&host.application.limits);
    let (place, unclaimed) = places.ok_or(Refused::unavailable(Rejected::Limit, "too many sessions"))?;
    let (transport, peer) = Polling::new(place, unclaimed);
    let transport = transport.holding(present);
    let entered = engine.sessions.enter(Session::Polling { peer, latest });
    let id = entered.id().to_text();
    let upgrades: &[&str] = if engine.options.upgrades() { &["websocket"] } else { &[] };
    let mut response = visit.packets(open_packet(&engine.options, &id, upgrades).into());
    greet(&engine.options, response.headers_mut(), &handshake, &id);
    let application = Arc::clone(host.application);
    let manner = engine.options.manner(&entry);
    let serving = serve(entered.with(transport), application, entry, handshake, manner);
    host.application.shared.tasks.spawn(serving);
    Ok(response)
}

/// A session that is a WebSocket from its start.
pub(super) async fn websocket(visit: &Visit<'_>, below: Below) -> Result<Response<Body>, Refused> {
    let Visit { host, engine, .. } = visit;
    let upgrade = check_upgrade(visit)?;
    let Admitted { entry, handshake, present } =
        visit.admit(|handshake| handshake.with_protocol(upgrade.protocol())).await?;
    let entered = engine.sessions.enter(Session::WebSocket);
    let id = entered.id().to_text();
    let open = open_packet(&engine.options, &id, &[]);
    let mut response = upgrade.response();
    greet(&engine.options, response.headers_mut(), &handshake, &id);
    let (application, options) = (Arc::clone(host.application), Arc::clone(&engine.options));
    let agreed = upgrade.agreed();
    let begin = Begin { application, options, agreed, entered, entry, handshake, present, open };
    when_upgraded(below, &host.application.shared.tasks, begin);
    Ok(response)
}

/// A WebSocket for a session that polls. Where it may not have it, the WebSocket is opened and closed.
pub(super) fn take_over(visit: &Visit<'_>, session: Session, below: Below) -> Result<Response<Body>, Refused> {
    let Visit { host, engine, .. } = visit;
    let upgrade = check_upgrade(visit)?;
    if !engine.options.upgrades() {
        return Err(Code::BadRequest.into());
    }
    let mover = match session {
        Session::Polling { peer, latest } => peer.probe().map(|probe| Mover { probe, peer, latest }),
        Session::WebSocket => None,
    };
    let (application, options) = (Arc::clone(host.application), Arc::clone(&engine.options));
    let take_over = TakeOver { application, options, agreed: upgrade.agreed(), mover };
    when_upgraded(below, &host.application.shared.tasks, take_over);
    Ok(upgrade.response())
}

fn check_upgrade(visit: &Visit<'_>) -> Result<Upgrade, Refused> {
    let headers = &visit.head.headers;
    let deflate = visit.engine.options.per_message_deflate.as_ref().or(visit.host.application.deflate.as_ref());
    Upgrade::check(visit.head, Asks::of(&visit.head.headers), &[])
        .map(|upgrade| upgrade.with_first_offer(headers).with_deflate(headers, deflate))
        .map_err(|error| match error {
            UpgradeError::Version => Refused::version(error.to_string()),
            UpgradeError::NotAnUpgrade
            | UpgradeError::Stripped
            | UpgradeError::Method
            | UpgradeError::HttpVersion
            | UpgradeError::Connection
            | UpgradeError::Key => Refused::new(Code::BadRequest, error.to_string()),
        })
}

impl Visit<'_> {
    /// Asks the application. `complete` adds what only the kind of transport knows.
    async fn admit(&self, complete: impl FnOnce(Handshake) -> Handshake) -> Result<Admitted, Refused> {
        let Self { host, engine, head, query } = self;
        if host.application.shared.is_stopping() {
            return Err(Refused::stopping());
        }
        let text = head.uri.query().unwrap_or_default();
        Query::check(text, &host.application.limits).map_err(Refused::too_long)?;
        let Destination { mut entry, path, parameters } =
            destination(engine, host.application).ok_or(Code::BadRequest)?;
        let address = host.application.address(host.peer, &head.headers);
        let present = host.application.crowd.enter(address).map_err(UpgradeRefusal::from)?;
        let handshake = Handshake::new(path, text, &head.headers, host.peer).with_address(address);
        let handshake = complete(handshake.with_parameters(parameters));
        for check in host.before.into_iter().chain(&engine.options.allow_request) {
            check.ask(handshake.clone()).await?;
        }
        if let Entry::Namespace(found) = &mut entry {
            found.passes = ask_at_upgrade(host.application, &found.route, &handshake).await?;
        }
        query.check_version()?;
        Ok(Admitted { entry, handshake, present })
    }
}

/// A client that may come in.
struct Admitted {
    entry: Entry,
    handshake: Handshake,
    present: Option<Box<Present>>,
}

/// What a session is for, and what its handshake shows of it.
struct Destination {
    entry: Entry,
    path: String,
    parameters: Vec<(String, String)>,
}

fn destination(engine: &Engine, application: &Application) -> Option<Destination> {
    match &engine.serves {
        Serves::SocketIo => {
            let entry = Entry::Lobby(engine.options.connect_timeout);
            Some(Destination { entry, path: engine.path.clone(), parameters: Vec::new() })
        }
        Serves::Raw(namespace) => {
            let mut found = application.routes.find(namespace)?;
            let parameters = std::mem::take(&mut found.parameters);
            let path = found.name.clone();
            Some(Destination { entry: Entry::Namespace(found), path, parameters })
        }
    }
}

fn open_packet(options: &EngineOptions, id: &str, upgrades: &[&str]) -> String {
    let open = Open {
        session: id,
        upgrades,
        ping_interval: options.ping_interval,
        ping_timeout: options.ping_timeout,
        max_payload: options.max_http_buffer_size,
    };
    open.packet()
}

/// What only the answer of a handshake says.
fn greet(options: &EngineOptions, headers: &mut HeaderMap, handshake: &Handshake, id: &str) {
    if let Some(cookie) = &options.cookie {
        headers.append(SET_COOKIE, cookie.header(id));
    }
    if let Some(initial) = &options.initial_headers {
        initial.write(headers, handshake);
    }
}

/// A session that begins with its WebSocket.
struct Begin {
    application: Arc<Application>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    entered: Entered,
    entry: Entry,
    handshake: Handshake,
    present: Option<Box<Present>>,
    open: String,
}

impl Start for Begin {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { application, options, agreed, entered, entry, handshake, present, open } = self;
        let websocket = WebSocket::new(stream, &read_ahead, options.max_http_buffer_size);
        let websocket = websocket.with_deflate(agreed).holding(present);
        let opened = EngineIo::open(websocket, &open, application.limits.handshake_timeout).await;
        let Some(transport) = opened else { return };
        let tasks = application.shared.tasks.clone();
        let manner = options.manner(&entry);
        tasks.spawn(serve(entered.with(transport), application, entry, handshake, manner));
    }
}

/// A WebSocket that may take a session over, where it has a probe.
struct TakeOver {
    application: Arc<Application>,
    options: Arc<EngineOptions>,
    agreed: Option<Agreed>,
    mover: Option<Mover>,
}

/// A session that may move.
struct Mover {
    probe: Probe,
    peer: PollingPeer,
    latest: LatestHeaders,
}

impl Start for TakeOver {
    async fn start<S: Stream>(self, stream: S, read_ahead: Bytes) {
        let Self { application, options, agreed, mover } = self;
        let websocket = WebSocket::new(stream, &read_ahead, options.max_http_buffer_size).with_deflate(agreed);
        let patience = Patience { upgrade: options.upgrade_timeout, close: application.limits.close_timeout };
        match mover {
            Some(Mover { probe, peer, latest }) => {
                upgrade(websocket, probe, patience).await;
                if peer.standing() == Err(Turned::Moved) {
                    latest.moved();
                }
            }
            None => dismiss(websocket, patience.close).await,
        }
    }
}
