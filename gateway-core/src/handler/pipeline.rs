//! What stands around a handler, and an event's way through it: guards, interceptors, the handler. Filters come after.

use std::fmt;
use std::sync::Arc;

use crate::error::Exception;
use crate::handler::call::{Call, OwnedCall};
use crate::handler::filter::Filters;
use crate::handler::guard::Guards;
use crate::handler::interceptor::{ErasedInterceptor, Next};
use crate::handler::shared_responder::LentResponder;
use crate::handler::{Extensions, Handler, HandlerFuture, Layer, Reply, ServiceMap, SharedResponder, SocketGrants};
use crate::protocol::Payload;
use crate::socket::Socket;

/// What stands around one handler: the server's, its gateway's, its own. A handler with nothing around it has none.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    pub(crate) guards: Guards,
    pub(crate) interceptors: Vec<Arc<Layer<ErasedInterceptor>>>,
    pub(crate) filters: Filters,
}

impl Pipeline {
    pub(crate) fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.interceptors.is_empty() && self.filters.is_empty()
    }
}

/// An event whose handler has something around it.
pub(crate) struct EventCall<'a> {
    pub(crate) handler: &'a Arc<Handler>,
    pub(crate) pipeline: &'a Arc<Pipeline>,
    pub(crate) services: &'a Arc<ServiceMap>,
    pub(crate) socket: &'a Socket,
    pub(crate) grants: Option<&'a Arc<SocketGrants>>,
    pub(crate) event: &'a Arc<str>,
    pub(crate) payload: Payload<'a>,
    pub(crate) extensions: Extensions,
}

impl EventCall<'_> {
    pub(crate) fn call(&self) -> Call<'_> {
        let Self { handler, services, socket, grants, event, ref payload, ref extensions, .. } = *self;
        Call { handler, services, socket, grants, event, payload, extensions }
    }

    /// What it needs of the frame it came in is copied.
    fn own(&mut self) -> Arc<OwnedCall> {
        let payload = std::mem::take(&mut self.payload).into_owned();
        let extensions = std::mem::take(&mut self.extensions);
        OwnedCall::new(&self.call(), payload, extensions)
    }

    /// The same for what is told to filters later, where there are any.
    pub(crate) fn keep(&mut self) -> Option<Arc<OwnedCall>> {
        (!self.pipeline.filters.is_empty()).then(|| self.own())
    }

    /// Asks the guards that do not wait and calls the handler. Where somebody waits, that is a future.
    pub(crate) fn start(&mut self, responder: &SharedResponder<'_>) -> PipelineStart {
        let guards = &self.pipeline.guards;
        let asked = match self.ask_at_once() {
            Ok(asked) => asked,
            Err(exception) => return PipelineStart::Here(HandlerFuture::ready(exception.into())),
        };
        if asked == guards.len() && self.pipeline.interceptors.is_empty() {
            let call = self.call();
            return PipelineStart::Here((call.handler.call)(&call.context(responder)));
        }
        let (call, pipeline, responder) = (self.own(), Arc::clone(self.pipeline), responder.lend());
        let inner = Arc::clone(&call);
        let running = HandlerFuture::future(async move { go_on(&inner, &pipeline, asked, &responder).await });
        PipelineStart::Later(running, call)
    }

    fn ask_at_once(&self) -> Result<usize, Exception> {
        let guards = &self.pipeline.guards;
        if guards.is_empty() {
            return Ok(0);
        }
        let call = self.call();
        guards.ask_at_once(&call.guard_context(call.grants()), call.counters())
    }
}

impl fmt::Debug for EventCall<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call().fmt(formatter)
    }
}

/// How an event began.
pub(crate) enum PipelineStart {
    /// Its handler was called, or a guard said no.
    Here(HandlerFuture),
    /// Guards or interceptors come first.
    Later(HandlerFuture, Arc<OwnedCall>),
}

async fn go_on(call: &OwnedCall, pipeline: &Pipeline, asked: usize, responder: &LentResponder) -> Reply {
    if asked < pipeline.guards.len() {
        let lent = call.lend();
        call.asks(true);
        let guard_context = lent.guard_context(lent.grants());
        let verdict = pipeline.guards.ask(asked, &guard_context, lent.counters()).await;
        call.asks(false);
        if let Err(exception) = verdict {
            return exception.into();
        }
    }
    Next::new(call, &pipeline.interceptors, responder).run().await
}
