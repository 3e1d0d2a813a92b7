//! Started user code: an outcome or a future.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use crate::error::Rejection;
use crate::handler::reply::stream;
use crate::handler::{Items, Reply};

/// A called handler or hook. A synchronous one needs no future.
pub struct HandlerFuture<T = Reply>(pub(crate) HandlerState<T>);

pub(crate) enum HandlerState<T> {
    Ready(T),
    Future(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> HandlerFuture<T> {
    /// Creates a completed call.
    pub fn ready(outcome: T) -> Self {
        Self(HandlerState::Ready(outcome))
    }

    /// Creates a call that completes with `future`. The future is dropped at the timeout, or when its outcome is no longer
    /// needed.
    pub fn future(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(HandlerState::Future(Box::pin(future)))
    }

    /// Creates the outcome for an argument that could not be read.
    #[must_use]
    pub fn rejected(rejection: Rejection) -> Self
    where
        T: From<Rejection>,
    {
        Self::ready(rejection.into())
    }

    /// Waits for the outcome.
    pub(crate) async fn outcome(self) -> T {
        match self.0 {
            HandlerState::Ready(outcome) => outcome,
            HandlerState::Future(future) => future.await,
        }
    }
}

impl HandlerFuture<Reply> {
    /// Creates a call that answers with the stream that `drive` forwards. The stream may borrow from values owned by `drive`.
    pub fn stream<F, D>(drive: D) -> Self
    where
        D: FnOnce(Items) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        Self::future(stream::start(drive))
    }
}

impl<T: fmt::Debug> fmt::Debug for HandlerFuture<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            HandlerState::Ready(outcome) => formatter.debug_tuple("Ready").field(outcome).finish(),
            HandlerState::Future(_) => formatter.write_str("Future"),
        }
    }
}

/// Drops unfinished user code. A panicking destructor must not end the connection.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
