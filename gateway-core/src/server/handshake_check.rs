//! The application's own check before an upgrade.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;

use crate::metrics::Rejected;
use crate::transport::{Handshake, LimitExceeded, QueryError};

/// Refusal of a page of another host; its developer sees it in the browser's tools.
pub(crate) const FOREIGN_ORIGIN: &str = "this origin is not allowed: `allow_origin` on the server allows it";

/// Refusal of a client before the upgrade: an HTTP status, and a text for humans.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{text} (status {})", status.as_u16())]
pub struct HandshakeRejection {
    status: StatusCode,
    text: Cow<'static, str>,
    why: Rejected,
}

impl HandshakeRejection {
    /// Creates a refusal with this status and text. A status that is not an error becomes 403.
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        let is_failure = status.is_client_error() || status.is_server_error();
        let status = if is_failure { status } else { StatusCode::FORBIDDEN };
        Self { status, text: text.into(), why: Rejected::Application }
    }

    /// Sets the reason for metrics and the log.
    pub(crate) fn because(self, why: Rejected) -> Self {
        Self { why, ..self }
    }

    pub(crate) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "the server stops").because(Rejected::Stopping)
    }

    pub(crate) fn why(&self) -> Rejected {
        self.why
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl From<QueryError> for HandshakeRejection {
    fn from(error: QueryError) -> Self {
        Self::new(StatusCode::URI_TOO_LONG, error.to_string()).because(Rejected::Malformed)
    }
}

impl From<LimitExceeded> for HandshakeRejection {
    fn from(exceeded: LimitExceeded) -> Self {
        let (status, text) = match exceeded {
            LimitExceeded::Everywhere => (StatusCode::SERVICE_UNAVAILABLE, "there are too many connections"),
            LimitExceeded::There => (StatusCode::TOO_MANY_REQUESTS, "there are too many connections from this address"),
        };
        Self::new(status, text).because(Rejected::Limit)
    }
}

type CheckFuture = Pin<Box<dyn Future<Output = Result<(), HandshakeRejection>> + Send>>;

#[derive(Clone)]
pub(crate) struct HandshakeCheck(Arc<dyn Fn(Handshake) -> CheckFuture + Send + Sync>);

impl HandshakeCheck {
    pub(crate) fn new<F, A>(check: F) -> Self
    where
        F: Fn(Handshake) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), HandshakeRejection>> + Send + 'static,
    {
        Self(Arc::new(move |handshake| Box::pin(check(handshake))))
    }

    pub(crate) async fn run(&self, handshake: Handshake) -> Result<(), HandshakeRejection> {
        (self.0)(handshake).await
    }
}

impl fmt::Debug for HandshakeCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HandshakeCheck")
    }
}
