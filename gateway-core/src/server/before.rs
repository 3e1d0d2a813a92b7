//! The application's own check before an upgrade.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use http::StatusCode;

use crate::transport::Handshake;

/// Why a client is turned away before the upgrade: an HTTP status, and text for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UpgradeRefusal {
    status: StatusCode,
    text: Cow<'static, str>,
}

impl UpgradeRefusal {
    /// Answers with this status and text. A status that is no failure becomes 403.
    pub fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        let is_failure = status.is_client_error() || status.is_server_error();
        Self { status: if is_failure { status } else { StatusCode::FORBIDDEN }, text: text.into() }
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

type Asked = Pin<Box<dyn Future<Output = Result<(), UpgradeRefusal>> + Send>>;

#[derive(Clone)]
pub(crate) struct BeforeUpgrade(Arc<dyn Fn(Handshake) -> Asked + Send + Sync>);

impl BeforeUpgrade {
    pub(crate) fn new<F, A>(check: F) -> Self
    where
        F: Fn(Handshake) -> A + Send + Sync + 'static,
        A: Future<Output = Result<(), UpgradeRefusal>> + Send + 'static,
    {
        Self(Arc::new(move |handshake| Box::pin(check(handshake))))
    }

    pub(crate) async fn ask(&self, handshake: Handshake) -> Result<(), UpgradeRefusal> {
        (self.0)(handshake).await
    }
}

impl fmt::Debug for BeforeUpgrade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BeforeUpgrade")
    }
}
