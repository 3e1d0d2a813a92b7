//! Notification that an answer is no longer needed.

use std::fmt;

use tokio_util::sync::CancellationToken;

use crate::error::Rejection;
use crate::handler::{Context, FromContext, on};

/// A notification that a request's answer is no longer needed: the client cancelled or disconnected, the server stops, or
/// the handler timed out. The handler's own future is dropped then, so this serves work spawned elsewhere.
///
/// ```
/// # use gateway_core::prelude::*;
/// # use gateway_core::extract::Cancellation;
/// # #[gateway(namespace = "/report")]
/// # struct Reports;
/// # async fn count() -> u64 { 1 }
/// #[gateway]
/// impl Reports {
///     #[subscribe]
///     async fn report(&self, cancellation: Cancellation) -> Option<u64> {
///         let work = tokio::spawn(async move { cancellation.unless_cancelled(count()).await });
///         work.await.ok().flatten()
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Cancellation(CancellationToken);

impl Cancellation {
    /// Returns `true` once the answer is no longer needed.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Completes when the answer is no longer needed.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped and the method called again.
    pub async fn cancelled(&self) {
        self.0.cancelled().await;
    }

    /// Waits for `work`. If the answer is no longer needed before it completes, drops `work` and returns `None`.
    pub async fn unless_cancelled<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.run_until_cancelled(work).await
    }
}

impl FromContext<on::Message> for Cancellation {
    fn from_context(context: &Context<'_>) -> Result<Self, Rejection> {
        let nothing = || Rejection::new("internal", "there is nothing to cancel");
        context.responder().and_then(crate::handler::Share::cancellation).map(Self).ok_or_else(nothing)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Cancellation({})", if self.is_cancelled() { "fired" } else { "waits" })
    }
}
