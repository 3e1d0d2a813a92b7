//! The guards of a namespace before the upgrade.

use std::sync::Arc;

use http::StatusCode;
use tokio::time::timeout;

use crate::connection::Application;
use crate::error::Exception;
use crate::gateway::Route;
use crate::handler::{Context, Extensions, GuardContext, GuardPoint, Scope, SocketGrants, Subject};
use crate::metrics::{Counter, Rejected, hidden_failure};
use crate::server::handshake_check::HandshakeRejection;
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
    let scope = Scope { services: &application.services, socket: None, grants: Some(&grants) };
    let extensions = Extensions::default();
    let about = Context::new(scope, Subject::Upgrade(handshake), &extensions);
    let about = GuardContext::new(GuardPoint::Upgrade, &about);
    let asked = route.guards.ask(0, &about, &application.counters);
    match timeout(application.limits.connect_timeout, asked).await {
        Ok(Ok(())) => Ok(Some(grants)),
        Ok(Err(exception)) => Err(refusal(&exception).because(Rejected::Guard)),
        Err(_) => {
            application.counters.add(Counter::Timeouts);
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
