//! Admission: the checks that a client passes before it has a connection, in one order for every way in: the server's stop,
//! the size of the query, the client's address and the number of connections, the page's origin, the application's own
//! checks, and the guards of the namespace. What is particular to a protocol is checked before, by whoever speaks it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, StatusCode};
use tokio::time::timeout;

use crate::connection::{AdmittedNamespace, Application, ConnectionScope};
use crate::error::Exception;
use crate::gateway::{MatchedRoute, Route};
use crate::handler::{Context, Extensions, GuardContext, GuardPoint, Scope, SocketGrants, Subject};
use crate::metrics::{self, Counter, Rejected, RejectedHandshake, hidden_failure};
use crate::server::engine_io::{Cors, EngineOptions};
use crate::server::handshake_check::{FOREIGN_ORIGIN, HandshakeRejection};
use crate::server::state::StartedServer;
use crate::transport::{ConnectionPermit, Handshake, Query};

/// A request for a connection.
#[derive(Debug)]
pub(crate) struct ConnectionRequest<'a> {
    pub(crate) destination: Destination,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) peer: Option<SocketAddr>,
    /// Options of the Engine.IO path that the request came to.
    pub(crate) engine: Option<&'a EngineOptions>,
    /// Further origins whose pages may ask.
    pub(crate) cors: Option<&'a Cors>,
}

impl ConnectionRequest<'_> {
    /// Path that the request is for.
    #[cfg(feature = "testing")]
    pub(crate) fn path(&self) -> &str {
        match &self.destination {
            Destination::Namespace(found) => &found.name,
            Destination::Multiplexed { path, .. } => path,
        }
    }
}

/// Namespaces that a connection is to serve.
#[derive(Debug)]
pub(crate) enum Destination {
    Namespace(MatchedRoute),
    /// Those that the client asks for on the connection, the first of them within this time. Their guards run then.
    Multiplexed {
        path: String,
        connect_timeout: Duration,
    },
}

/// A client that passed every check.
pub(crate) struct Admitted {
    pub(crate) scope: ConnectionScope,
    pub(crate) handshake: Handshake,
    /// Its place among the connections, for as long as it is held.
    pub(crate) permit: Option<Box<ConnectionPermit>>,
}

/// Admits a client, or says why not. `complete` adds to its handshake what only its transport knows.
pub(crate) async fn admit(
    server: &StartedServer,
    request: ConnectionRequest<'_>,
    complete: impl FnOnce(Handshake) -> Handshake,
) -> Result<Admitted, HandshakeRejection> {
    let ConnectionRequest { destination, query, headers, peer, engine, cors } = request;
    let application = &server.application;
    if server.shared.is_stopping() {
        return Err(HandshakeRejection::stopping());
    }
    Query::check(query, &application.limits)?;
    let address = server.address(peer, headers);
    let permit = server.limiter.enter(address)?;
    if !(server.origins.admits(headers) || cors.is_some_and(|cors| cors.admits(headers))) {
        return Err(HandshakeRejection::new(StatusCode::FORBIDDEN, FOREIGN_ORIGIN).because(Rejected::Origin));
    }
    let (path, parameters, scope) = match destination {
        Destination::Namespace(MatchedRoute { route, name, parameters }) => {
            (name.clone(), parameters, RequestedScope::Namespace(route, name))
        }
        Destination::Multiplexed { path, connect_timeout } => {
            (path, Vec::new(), RequestedScope::Multiplexed(connect_timeout))
        }
    };
    let handshake = Handshake::new(path, query, headers, peer).with_address(address).with_parameters(parameters);
    let handshake = complete(handshake);
    for check in server.allow_request.iter().chain(engine.and_then(|engine| engine.allow_request.as_ref())) {
        check.run(handshake.clone()).await?;
    }
    let scope = match scope {
        RequestedScope::Namespace(route, name) => {
            let grants = guard_upgrade(application, &route, &handshake).await?;
            ConnectionScope::Namespace(AdmittedNamespace { route, name, grants })
        }
        RequestedScope::Multiplexed(connect_timeout) => ConnectionScope::Multiplexed(connect_timeout),
    };
    Ok(Admitted { scope, handshake, permit })
}

/// A destination without what its handshake has taken over.
enum RequestedScope {
    Namespace(Arc<Route>, String),
    Multiplexed(Duration),
}

/// The rejection of a request for a path without a gateway.
pub(crate) fn no_such_namespace(server: &StartedServer) -> HandshakeRejection {
    let mut text = "there is no gateway at this path".to_owned();
    if cfg!(debug_assertions) {
        let names: Vec<_> = server.application.routes.iter().map(|route| route.namespace).collect();
        text = format!("{text}; the namespaces are {}", names.join(", "));
    }
    HandshakeRejection::new(StatusCode::NOT_FOUND, text).because(Rejected::NotFound)
}

/// Counts and logs a rejected request.
pub(crate) fn note_rejected(server: &StartedServer, rejected: RejectedHandshake<'_>) {
    server.shared.telemetry.counters.reject(rejected.why);
    metrics::rejected(rejected);
}

/// Runs the guards of a namespace on the request for it. What they grant counts for the socket too.
async fn guard_upgrade(
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
    let scope = Scope { services: &application.services, socket: None, grants: Some(&grants) };
    let extensions = Extensions::default();
    let context = Context::new(scope, Subject::Upgrade(handshake), &extensions);
    let context = GuardContext::new(GuardPoint::Upgrade, &context);
    let asked = route.guards.check(0, &context, &application.telemetry.counters);
    match timeout(application.limits.connect_timeout, asked).await {
        Ok(Ok(())) => Ok(Some(grants)),
        Ok(Err(exception)) => Err(rejection_of_guard(&exception).because(Rejected::Guard)),
        Err(_) => {
            application.telemetry.counters.add(Counter::Timeouts);
            tracing::warn!(namespace = route.namespace, "a guard took too long");
            Err(HandshakeRejection::new(StatusCode::SERVICE_UNAVAILABLE, "the guard took too long")
                .because(Rejected::Guard))
        }
    }
}

fn rejection_of_guard(exception: &Exception) -> HandshakeRejection {
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
        Some("unavailable") => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::FORBIDDEN,
    };
    HandshakeRejection::new(status, exception.text().to_owned())
}
