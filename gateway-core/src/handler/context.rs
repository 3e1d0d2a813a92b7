//! The [`Context`] of an event or another moment of a socket's life, for guards, interceptors, extractors and filters.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};

use http::HeaderMap;
use serde_json::value::RawValue;

use crate::error::Rejection;
use crate::handler::{Extensions, ServiceMap, Share, SocketGrants};
use crate::metrics::{Counters, TestLog};
use crate::protocol::{ArgList, Message, Payload, RawArgs, TraceParent};
use crate::session::DisconnectReason;
use crate::socket::Socket;
use crate::sync::lock;
use crate::transport::Handshake;

/// The context of an event, of a connect or disconnect hook, or of the server's start.
///
/// Interceptors, extractors and filters get it directly, guards through [`GuardContext`](crate::pipeline::GuardContext).
/// The context borrows the event's frame, so arguments that a handler keeps are extracted before it runs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    scope: Scope<'a>,
    subject: Subject<'a>,
    extensions: &'a Extensions,
}

/// The server, and the socket if there is one.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) services: &'a Arc<ServiceMap>,
    pub(crate) socket: Option<&'a Socket>,
    pub(crate) grants: Option<&'a Arc<SocketGrants>>,
}

/// A routed event.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    pub(crate) method: &'a MethodName,
    pub(crate) name: &'a Arc<str>,
    pub(crate) payload: &'a Payload<'a>,
    /// Present when the handler itself is called.
    pub(crate) responder: Option<&'a (dyn Share + 'a)>,
}

/// The names of a gateway and its method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MethodName {
    pub(crate) gateway: &'static str,
    pub(crate) method: &'static str,
}

/// Subject of a context.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// The start of the server, or a new socket.
    Nothing,
    Upgrade(&'a Handshake),
    Event(Event<'a>),
    /// A whole message before its handler runs.
    Message(&'a Message),
    /// A whole message for its handler.
    Taken(&'a Mutex<Option<Message>>),
    Room(&'a str),
    /// New credentials, as the handshake that has them.
    Renewal(&'a Handshake),
    Disconnect(&'a DisconnectReason),
}

impl<'a> Context<'a> {
    pub(crate) fn new(scope: Scope<'a>, subject: Subject<'a>, extensions: &'a Extensions) -> Self {
        Self { scope, subject, extensions }
    }

    /// Adds the right to answer the event.
    pub(super) fn with_responder(mut self, responder: &'a (dyn Share + 'a)) -> Self {
        if let Subject::Event(event) = &mut self.subject {
            event.responder = Some(responder);
        }
        self
    }

    /// The socket.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] at the server's start, and at [`GuardPoint::Upgrade`](crate::pipeline::GuardPoint::Upgrade).
    pub fn socket(&self) -> Result<&Socket, Rejection> {
        self.scope.socket.ok_or_else(|| Rejection::new("internal", "there is no socket yet"))
    }

    /// The request that opens the connection: headers, cookies, query, credentials, parameters. At a
    /// [renewal](crate::pipeline::GuardPoint::Renewal) it has the new credentials. Empty at the server's start.
    #[must_use]
    pub fn handshake(&self) -> &Handshake {
        static NONE: LazyLock<Handshake> = LazyLock::new(|| Handshake::new(String::new(), "", &HeaderMap::new(), None));
        match (self.scope.socket, &self.subject) {
            (_, Subject::Upgrade(handshake) | Subject::Renewal(handshake)) => handshake,
            (Some(socket), _) => socket.handshake(),
            (None, _) => &NONE,
        }
    }

    /// The event's name; empty if there is no event.
    #[must_use]
    pub fn event(&self) -> &str {
        self.sent().map_or("", |event| event.name)
    }

    /// The payload as JSON; `None` if the client sent none, or `null`. Several arguments are an array. Each call reads the
    /// text once.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        let json = self.sent().and_then(|event| event.payload.json.as_deref()).filter(|json| *json != "null");
        json.and_then(|json| serde_json::from_str(json).ok())
    }

    /// The raw arguments, including binary parts.
    #[must_use]
    pub fn args(&self) -> RawArgs {
        self.sent().map_or_else(RawArgs::default, |event| RawArgs::from(event.payload))
    }

    /// The name of the gateway's type; empty if there is no event.
    #[must_use]
    pub fn gateway(&self) -> &str {
        self.sent().map_or("", |event| event.method.gateway)
    }

    /// The name of the handler's method; empty if there is no event.
    #[must_use]
    pub fn method(&self) -> &str {
        self.sent().map_or("", |event| event.method.method)
    }

    /// The trace of the message, or else of the handshake.
    #[must_use]
    pub fn traceparent(&self) -> Option<TraceParent> {
        let of_message = self.sent().and_then(|event| event.payload.trace.as_deref().copied());
        of_message.or_else(|| self.scope.socket?.handshake().traceparent())
    }

    /// The server's service of this type.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.scope.services.find()
    }

    /// The value of this type that a guard granted, for this event or for the socket.
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.extensions.granted().or_else(|| self.scope.grants.and_then(|grants| grants.granted.find()))
    }

    /// Values of this event, for inner interceptors and for the handler, which reads
    /// [`Extension<T>`](crate::extract::Extension).
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        self.extensions
    }

    /// The socket's own value of this type.
    pub(crate) fn of_socket<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.scope.grants.and_then(|grants| grants.own.find())
    }

    /// The arguments, borrowed.
    pub(crate) fn list(&self) -> ArgList<'_> {
        self.sent().map(|event| event.payload.list()).unwrap_or_default()
    }

    pub(crate) fn reason(&self) -> Option<&DisconnectReason> {
        match self.subject {
            Subject::Disconnect(reason) => Some(reason),
            Subject::Nothing
            | Subject::Upgrade(_)
            | Subject::Event(_)
            | Subject::Message(_)
            | Subject::Taken(_)
            | Subject::Room(_)
            | Subject::Renewal(_) => None,
        }
    }

    pub(crate) fn take_message(&self) -> Option<Message> {
        match self.subject {
            Subject::Taken(message) => lock(message).take(),
            Subject::Nothing
            | Subject::Upgrade(_)
            | Subject::Event(_)
            | Subject::Message(_)
            | Subject::Room(_)
            | Subject::Renewal(_)
            | Subject::Disconnect(_) => None,
        }
    }

    pub(crate) fn responder(&self) -> Option<&'a (dyn Share + 'a)> {
        self.sent().and_then(|event| event.responder)
    }

    pub(super) fn subject(&self) -> &Subject<'a> {
        &self.subject
    }

    pub(crate) fn scope(&self) -> Scope<'a> {
        self.scope
    }

    /// Adds a line to the test log of the socket, or of the connection that is to be.
    pub(crate) fn note(&self, line: impl FnOnce() -> String) {
        match self.scope.socket {
            Some(socket) => socket.test_log().note(line),
            None => TestLog::current().note(line),
        }
    }

    /// The server's counters; `None` if there is no socket.
    pub(super) fn counters(&self) -> Option<&'a Counters> {
        self.scope.socket.map(Socket::counters)
    }

    #[inline]
    fn sent(&self) -> Option<&Event<'a>> {
        match &self.subject {
            Subject::Event(event) => Some(event),
            Subject::Nothing
            | Subject::Upgrade(_)
            | Subject::Message(_)
            | Subject::Taken(_)
            | Subject::Room(_)
            | Subject::Renewal(_)
            | Subject::Disconnect(_) => None,
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("socket", &self.scope.socket)
            .field("event", &self.event())
            .field("method", &self.method())
            .finish_non_exhaustive()
    }
}

/// An owned context, which outlives the event's frame.
#[derive(Debug)]
pub(crate) struct OwnedContext {
    services: Arc<ServiceMap>,
    socket: Option<Socket>,
    grants: Option<Arc<SocketGrants>>,
    method: MethodName,
    event: Arc<str>,
    payload: Payload<'static>,
    extensions: Extensions,
}

impl OwnedContext {
    /// Takes over the payload and the extensions that the event's context borrowed.
    pub(crate) fn new(
        scope: Scope<'_>,
        method: MethodName,
        event: &Arc<str>,
        payload: Payload<'_>,
        extensions: Extensions,
    ) -> Self {
        let Scope { services, socket, grants } = scope;
        Self {
            services: Arc::clone(services),
            socket: socket.cloned(),
            grants: grants.cloned(),
            method,
            event: Arc::clone(event),
            payload: payload.into_owned(),
            extensions,
        }
    }

    pub(crate) fn borrowed(&self) -> Context<'_> {
        let Self { services, socket, grants, method, event, payload, extensions } = self;
        let scope = Scope { services, socket: socket.as_ref(), grants: grants.as_ref() };
        let event = Event { method, name: event, payload, responder: None };
        Context::new(scope, Subject::Event(event), extensions)
    }
}
