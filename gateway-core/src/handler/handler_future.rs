//! User code that was started: done already, or a future.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use crate::error::Rejection;
use crate::handler::reply::stream;
use crate::handler::{Items, Reply};

/// A handler or hook that was called. What needs no waiting costs no future.
pub struct HandlerFuture<T = Reply>(pub(crate) HandlerState<T>);

pub(crate) enum HandlerState<T> {
    Ready(T),
    Future(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> HandlerFuture<T> {
    /// It is done.
    pub fn ready(outcome: T) -> Self {
        Self(HandlerState::Ready(outcome))
    }

    /// It ends with this future. The future is dropped when it takes too long or nobody wants its outcome any more.
    pub fn future(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(HandlerState::Future(Box::pin(future)))
    }

    /// It was not called, because an argument could not be read.
    #[must_use]
    pub fn rejected(rejection: Rejection) -> Self
    where
        T: From<Rejection>,
    {
        Self::ready(rejection.into())
    }

    /// The future of its outcome.
    pub(crate) async fn outcome(self) -> T {
        match self.0 {
            HandlerState::Ready(outcome) => outcome,
            HandlerState::Future(future) => future.await,
        }
    }
}

impl HandlerFuture<Reply> {
    /// It answers with the stream that `drive` forwards, which may borrow from what `drive` owns.
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

/// Lets go of user code that has not ended. A destructor that panics must not take the connection with it.
pub(crate) fn drop_quietly<T>(value: T) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(value)));
}
