//! What stands around a handler, and an event's way through it: guards, interceptors, the handler. Filters come after.

use std::fmt;
use std::sync::Arc;

use crate::dispatch::call::{Call, OwnedCall};
use crate::dispatch::filter::Filters;
use crate::dispatch::guard::Guards;
use crate::dispatch::interceptor::{ErasedInterceptor, Next};
use crate::dispatch::shared::Lent;
use crate::dispatch::{Exception, Extensions, Handler, Passes, Placed, Reply, Running, Services, SharedResponder};
use crate::socket::Socket;
use crate::wire::Payload;

/// What stands around one handler: the server's, its gateway's, its own. A handler with nothing around it has none.
#[derive(Debug, Default)]
pub(crate) struct Pipeline {
    pub(crate) guards: Guards,
    pub(crate) interceptors: Vec<Arc<Placed<ErasedInterceptor>>>,
    pub(crate) filters: Filters,
}

impl Pipeline {
    pub(crate) fn is_empty(&self) -> bool {
        self.guards.is_empty() && self.interceptors.is_empty() && self.filters.is_empty()
    }
}

/// An event whose handler has something around it.
pub(crate) struct Arrival<'a> {
    pub(crate) handler: &'a Arc<Handler>,
    pub(crate) pipeline: &'a Arc<Pipeline>,
    pub(crate) services: &'a Arc<Services>,
    pub(crate) socket: &'a Socket,
    pub(crate) passes: Option<&'a Arc<Passes>>,
    pub(crate) event: &'a Arc<str>,
    pub(crate) payload: Payload<'a>,
    pub(crate) extensions: Extensions,
}

impl Arrival<'_> {
    pub(crate) fn call(&self) -> Call<'_> {
        let Self { handler, services, socket, passes, event, ref payload, ref extensions, .. } = *self;
        Call { handler, services, socket, passes, event, payload, extensions }
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
    pub(crate) fn start(&mut self, responder: &SharedResponder<'_>) -> Begun {
        let guards = &self.pipeline.guards;
        let asked = match self.ask_at_once() {
            Ok(asked) => asked,
            Err(exception) => return Begun::Here(Running::ready(exception.into())),
        };
        if asked == guards.len() && self.pipeline.interceptors.is_empty() {
            let call = self.call();
            return Begun::Here((call.handler.call)(&call.context(responder)));
        }
        let (call, pipeline, responder) = (self.own(), Arc::clone(self.pipeline), responder.lend());
        let inner = Arc::clone(&call);
        let running = Running::future(async move { go_on(&inner, &pipeline, asked, &responder).await });
        Begun::Later(running, call)
    }

    fn ask_at_once(&self) -> Result<usize, Exception> {
        let guards = &self.pipeline.guards;
        if guards.is_empty() {
            return Ok(0);
        }
        let call = self.call();
        guards.ask_at_once(&call.access(call.passes()), call.counters())
    }
}

impl fmt::Debug for Arrival<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.call().fmt(formatter)
    }
}

/// How an event began.
pub(crate) enum Begun {
    /// Its handler was called, or a guard said no.
    Here(Running),
    /// Guards or interceptors come first.
    Later(Running, Arc<OwnedCall>),
}

async fn go_on(call: &OwnedCall, pipeline: &Pipeline, asked: usize, responder: &Lent) -> Reply {
    if asked < pipeline.guards.len() {
        let lent = call.lend();
        call.asks(true);
        let access = lent.access(lent.passes());
        let verdict = pipeline.guards.ask(asked, &access, lent.counters()).await;
        call.asks(false);
        if let Err(exception) = verdict {
            return exception.into();
        }
    }
    Next::new(call, &pipeline.interceptors, responder).run().await
}
