//! A running handler: its future, its deadline and its right to answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;

use crate::error::Exception;
use crate::handler::{Handler, KeptEvent, Reply, SharedResponder, drop_quietly};
use crate::metrics;

pub(super) type ReplyFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

/// A handler that has not returned yet.
pub(super) struct Invocation {
    pub(super) handler: Arc<Handler>,
    pub(super) future: ReplyFuture,
    pub(super) responder: SharedResponder<'static>,
    /// Present if a layer around the handler needs its outcome.
    pub(super) kept: Option<Arc<KeptEvent>>,
    pub(super) deadline: Instant,
    pub(super) span: Span,
}

impl Invocation {
    /// Polls the handler. `Err` if it panicked.
    pub(super) fn poll(&mut self, task: &mut Task<'_>) -> Result<Poll<Reply>, ()> {
        poll_caught(&mut self.future, &self.span, task)
    }

    /// Ends the handler with an exception because its answer is no longer needed.
    pub(super) fn give_up(self, exception: Exception) {
        drop_quietly(self.future);
        self.responder.cancel();
        self.responder.fail(exception);
    }

    pub(super) fn took_too_long(&self) -> Exception {
        let event = &*self.handler.event;
        if self.kept.as_ref().is_some_and(|kept| kept.is_asking()) {
            metrics::guard_took_too_long(event);
            return Exception::framework("timeout", "the guard took too long");
        }
        metrics::handler_took_too_long(event);
        Exception::framework("timeout", "the handler took too long")
    }

    pub(super) fn postpone(&mut self, now: Instant, limit: Duration) {
        if self.is_due(now) {
            self.deadline = now + time_of(&self.handler, limit);
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}

pub(super) fn poll_caught(future: &mut ReplyFuture, span: &Span, task: &mut Task<'_>) -> Result<Poll<Reply>, ()> {
    let _entered = span.enter();
    catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(task))).map_err(drop)
}

/// Time limit of a handler: its own, or else `limit`.
pub(super) fn time_of(handler: &Handler, limit: Duration) -> Duration {
    handler.subscription.policy.timeout.unwrap_or(limit)
}
