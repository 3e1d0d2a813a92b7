//! One event on its way to its handler, as interceptors and filters see it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::value::RawValue;

use crate::handler::guard_context::{GuardContext, GuardPoint, GuardSubject};
use crate::handler::{Context, Extensions, FilteredReply, Handler, Reply, ServiceMap, Share, SocketGrants};
use crate::metrics::Counters;
use crate::protocol::{Payload, RawArgs, TraceParent};
use crate::socket::Socket;
use crate::transport::Handshake;

/// One event that has reached its handler, or is about to.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    pub(super) handler: &'a Arc<Handler>,
    pub(super) services: &'a Arc<ServiceMap>,
    pub(super) socket: &'a Socket,
    pub(super) grants: Option<&'a Arc<SocketGrants>>,
    pub(super) event: &'a Arc<str>,
    pub(super) payload: &'a Payload<'a>,
    pub(super) extensions: &'a Extensions,
}

impl<'a> Call<'a> {
    /// The socket it came from.
    #[must_use]
    pub fn socket(&self) -> &Socket {
        self.socket
    }

    /// The request that opened the connection.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        self.socket.handshake()
    }

    /// The name the event was sent under.
    #[must_use]
    pub fn event(&self) -> &str {
        self.event
    }

    /// The payload, still JSON; `None` where the client sent none, or `null`. Several arguments are their array.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        self.payload.raw().filter(|raw| raw.get() != "null")
    }

    /// The arguments as they came, binary parts included.
    #[must_use]
    pub fn args(&self) -> RawArgs {
        self.payload.clone().into()
    }

    /// The name of the gateway's type.
    #[must_use]
    pub fn gateway(&self) -> &str {
        self.handler.gateway
    }

    /// The name of the handler's method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.handler.subscription.method.method
    }

    /// Values of this request, for those behind an interceptor and for its handler, which reads
    /// [`Extension<T>`](crate::Extension).
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        self.extensions
    }

    /// What a guard granted, of this type: for this event, or for the socket.
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.extensions.granted.find().or_else(|| self.grants.and_then(|grants| grants.granted.find()))
    }

    /// The trace it belongs to: that of the message, else that of the handshake.
    #[must_use]
    pub fn traceparent(&self) -> Option<TraceParent> {
        self.payload.trace.as_deref().copied().or_else(|| self.handshake().traceparent())
    }

    /// What was provided to the server under this type.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.services.find()
    }

    pub(super) fn grants(&self) -> &'a SocketGrants {
        self.grants.expect("the sockets of a namespace with guards have grants")
    }

    pub(super) fn guard_context(&self, grants: &'a SocketGrants) -> GuardContext<'a> {
        let Self { services, socket, event, payload, extensions, .. } = *self;
        GuardContext::of(
            GuardPoint::Event,
            GuardSubject::Event { event, payload, extensions },
            GuardContext::connect(services, socket, grants),
        )
    }

    pub(super) fn context(&self, responder: &'a (dyn Share + 'a)) -> Context<'a> {
        let Self { services, socket, grants, event, payload, extensions, .. } = *self;
        Context::event(services, socket, event, payload, responder)
            .with_grants(grants.map(Arc::as_ref))
            .with_extensions(extensions)
    }

    pub(super) fn counters(&self) -> &'a Counters {
        self.socket.counters()
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("socket", &self.socket)
            .field("event", &self.event)
            .field("handler", &self.handler)
            .finish_non_exhaustive()
    }
}

/// The same, once it outlives its frame.
#[derive(Debug)]
pub(crate) struct OwnedCall {
    handler: Arc<Handler>,
    services: Arc<ServiceMap>,
    socket: Socket,
    grants: Option<Arc<SocketGrants>>,
    event: Arc<str>,
    payload: Payload<'static>,
    extensions: Extensions,
    /// Whether a guard is being asked.
    is_asking: AtomicBool,
}

impl OwnedCall {
    /// `extensions` are those that the call had borrowed.
    pub(crate) fn new(call: &Call<'_>, payload: Payload<'static>, extensions: Extensions) -> Arc<Self> {
        let Call { handler, services, socket, grants, event, .. } = *call;
        Arc::new(Self {
            handler: Arc::clone(handler),
            services: Arc::clone(services),
            socket: socket.clone(),
            grants: grants.cloned(),
            event: Arc::clone(event),
            payload,
            extensions,
            is_asking: AtomicBool::new(false),
        })
    }

    pub(crate) fn lend(&self) -> Call<'_> {
        let Self { handler, services, socket, grants, event, payload, extensions, is_asking: _ } = self;
        Call { handler, services, socket, grants: grants.as_ref(), event, payload, extensions }
    }

    /// What becomes of the handler's outcome, or of a failure on the way to it.
    pub(crate) fn filtered(&self, reply: Reply) -> FilteredReply {
        match &self.handler.pipeline {
            Some(pipeline) => pipeline.filters.apply(reply, &self.lend()),
            None => reply.into(),
        }
    }

    pub(crate) fn is_asking(&self) -> bool {
        self.is_asking.load(Ordering::Relaxed)
    }

    pub(super) fn asks(&self, is_asking: bool) {
        self.is_asking.store(is_asking, Ordering::Relaxed);
    }
}
