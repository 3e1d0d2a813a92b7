//! The guards, interceptors and filters around a handler, and their execution.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Exception;
use crate::handler::context::{Context, OwnedContext};
use crate::handler::filter::{FilteredReply, Filters};
use crate::handler::guard::check::Guards;
use crate::handler::guard::guard_context::GuardContext;
use crate::handler::guard::guard_point::GuardPoint;
use crate::handler::interceptor::{ErasedInterceptor, Next};
use crate::handler::reply::shared_responder::LentResponder;
use crate::handler::{Handler, HandlerFuture, Layer, Reply, SharedResponder};

/// The layers around a handler: the server's, its gateway's and its own. A handler without layers has no pipeline.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    pub(crate) guards: Guards,
    pub(crate) interceptors: Vec<Arc<Layer<ErasedInterceptor>>>,
    pub(crate) filters: Filters,
}

/// Result of starting a pipeline while the event's frame is borrowed.
pub(crate) enum PipelineStart {
    /// The handler was called, or a guard refused.
    Called(HandlerFuture),
    /// Interceptors or waiting guards come next; the first `asked` guards have allowed the event.
    Waits { asked: usize },
}

impl Pipeline {
    pub(crate) fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.interceptors.is_empty() && self.filters.is_empty()
    }

    pub(crate) fn has_filters(&self) -> bool {
        !self.filters.is_empty()
    }

    /// Runs the guards that do not wait, and the handler if it comes next.
    pub(crate) fn start(
        &self,
        handler: &Handler,
        context: Context<'_>,
        responder: &SharedResponder<'_>,
    ) -> PipelineStart {
        let asked = match self.check_now(&context) {
            Ok(asked) => asked,
            Err(exception) => return PipelineStart::Called(HandlerFuture::ready(exception.into())),
        };
        if asked == self.guards.len() && self.interceptors.is_empty() {
            return PipelineStart::Called((handler.call)(&context.with_responder(responder)));
        }
        PipelineStart::Waits { asked }
    }

    fn check_now(&self, context: &Context<'_>) -> Result<usize, Exception> {
        match context.counters() {
            Some(counters) if !self.guards.is_empty() => {
                self.guards.check_now(&GuardContext::new(GuardPoint::Event, context), counters)
            }
            Some(_) | None => Ok(0),
        }
    }
}

/// An owned event with its handler.
pub(crate) struct KeptEvent {
    handler: Arc<Handler>,
    context: OwnedContext,
    /// Set while a guard is running.
    is_asking: AtomicBool,
}

impl KeptEvent {
    pub(crate) fn new(handler: &Arc<Handler>, context: OwnedContext) -> Arc<Self> {
        Arc::new(Self { handler: Arc::clone(handler), context, is_asking: AtomicBool::new(false) })
    }

    /// Runs the rest after the first `asked` guards: the other guards, interceptors, the handler.
    pub(crate) fn resume(
        self: &Arc<Self>,
        asked: usize,
        responder: &SharedResponder<'_>,
    ) -> Pin<Box<dyn Future<Output = Reply> + Send>> {
        let (event, responder) = (Arc::clone(self), responder.handle());
        Box::pin(async move { event.run(asked, &responder).await })
    }

    async fn run(&self, asked: usize, responder: &LentResponder) -> Reply {
        let Self { handler, context, is_asking } = self;
        let Some(pipeline) = &handler.pipeline else {
            return Next::new(context, &[], &handler.call, responder).run().await;
        };
        let lent = context.borrowed();
        if let Some(counters) = lent.counters().filter(|_| asked < pipeline.guards.len()) {
            is_asking.store(true, Ordering::Relaxed);
            let verdict = pipeline.guards.check(asked, &GuardContext::new(GuardPoint::Event, &lent), counters).await;
            is_asking.store(false, Ordering::Relaxed);
            if let Err(exception) = verdict {
                return exception.into();
            }
        }
        Next::new(context, &pipeline.interceptors, &handler.call, responder).run().await
    }

    /// Applies the filters to the handler's reply or to an earlier failure.
    pub(crate) fn filtered(&self, reply: Reply) -> FilteredReply {
        match &self.handler.pipeline {
            Some(pipeline) => pipeline.filters.apply(reply, &self.context.borrowed()),
            None => reply.into(),
        }
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for KeptEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.borrowed().fmt(formatter)
    }
}
