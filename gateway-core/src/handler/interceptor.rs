//! Interceptors: code that runs around a handler.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::handler::context::{Context, OwnedContext};
use crate::handler::reply::shared_responder::LentResponder;
use crate::handler::{Layer, Reply, RunHandler};

/// Code that runs around handlers and may change or replace their replies.
///
/// `#[intercept(Timing)]` adds an interceptor to a method or a whole gateway,
/// [`Server::intercept`](crate::Server::intercept) to all of them; the server's are outermost. Code before `next.run()` runs
/// before the arguments are read, code after it before the answer is sent.
///
/// ```
/// use gateway_core::prelude::*;
///
/// #[derive(Default)]
/// struct Timing;
///
/// impl Interceptor for Timing {
///     async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
///         let begin = std::time::Instant::now();
///         let reply = next.run().await;
///         println!("{} took {:?}", context.event(), begin.elapsed());
///         reply
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an interceptor",
    label = "this cannot wrap a handler",
    note = "implement `Interceptor` for `{Self}`: `async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply`"
)]
pub trait Interceptor: Send + Sync + 'static {
    /// Calls the handler by `next.run()`, or answers without it. An [`Exception`](struct@crate::Exception) converts into a
    /// reply by `into()`.
    fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> impl Future<Output = Reply> + Send;
}

/// The rest of the pipeline after an interceptor: the next interceptor or the handler.
#[must_use = "the handler runs by `next.run().await`"]
pub struct Next<'a> {
    context: &'a OwnedContext,
    interceptors: &'a [Arc<Layer<ErasedInterceptor>>],
    handle: &'a RunHandler,
    responder: &'a LentResponder,
}

impl<'a> Next<'a> {
    pub(super) fn new(
        context: &'a OwnedContext,
        interceptors: &'a [Arc<Layer<ErasedInterceptor>>],
        handle: &'a RunHandler,
        responder: &'a LentResponder,
    ) -> Self {
        Self { context, interceptors, handle, responder }
    }

    /// Runs the rest and returns its outcome: a value, a stream, nothing, or an exception. The outcome of a handler that
    /// answers by [`Ack`](crate::extract::Ack) is empty.
    pub async fn run(self) -> Reply {
        let Self { context, interceptors, handle, responder } = self;
        let lent = context.borrowed();
        if let [first, rest @ ..] = interceptors {
            let next = Self { interceptors: rest, ..self };
            return first.layer.0.intercept(&lent, next).await;
        }
        let running = handle(&lent.with_responder(responder));
        running.outcome().await
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Next({} interceptors)", self.interceptors.len())
    }
}

/// A type-erased interceptor.
pub(crate) struct ErasedInterceptor(Box<dyn AnyInterceptor>);

impl ErasedInterceptor {
    pub(crate) fn new<I: Interceptor>(interceptor: Arc<I>) -> Self {
        Self(Box::new(TypedInterceptor(interceptor)))
    }
}

impl fmt::Debug for ErasedInterceptor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ErasedInterceptor")
    }
}

type Intercepted<'a> = Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;

trait AnyInterceptor: Send + Sync {
    fn intercept<'a>(&'a self, context: &'a Context<'a>, next: Next<'a>) -> Intercepted<'a>;
}

struct TypedInterceptor<I>(Arc<I>);

impl<I: Interceptor> AnyInterceptor for TypedInterceptor<I> {
    fn intercept<'a>(&'a self, context: &'a Context<'a>, next: Next<'a>) -> Intercepted<'a> {
        Box::pin(self.0.intercept(context, next))
    }
}
