//! What extractors read from.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::error::Rejection;
use crate::handler::{Extensions, ServiceMap, Share, SocketGrants};
use crate::protocol::{ArgList, Message, Payload, RawArgs, TraceParent};
use crate::session::DisconnectReason;
use crate::socket::Socket;

/// One event, or one moment of a socket's life, while its arguments are read. It borrows the frame: what the handler
/// keeps is read out of it before the handler runs.
pub struct Context<'a> {
    services: &'a ServiceMap,
    socket: Option<&'a Socket>,
    event: &'a str,
    payload: Option<&'a Payload<'a>>,
    message: RefCell<Option<Message>>,
    reason: Option<&'a DisconnectReason>,
    responder: Option<&'a (dyn Share + 'a)>,
    grants: Option<&'a SocketGrants>,
    extensions: Option<&'a Extensions>,
}

impl<'a> Context<'a> {
    pub(crate) fn init(services: &'a ServiceMap) -> Self {
        Self {
            services,
            socket: None,
            event: "",
            payload: None,
            message: RefCell::default(),
            reason: None,
            responder: None,
            grants: None,
            extensions: None,
        }
    }

    /// With what guards have said of the socket.
    pub(crate) fn with_grants(self, grants: Option<&'a SocketGrants>) -> Self {
        Self { grants, ..self }
    }

    pub(crate) fn with_extensions(self, extensions: &'a Extensions) -> Self {
        Self { extensions: Some(extensions), ..self }
    }

    pub(crate) fn socket_moment(services: &'a ServiceMap, socket: &'a Socket) -> Self {
        Self { socket: Some(socket), ..Self::init(services) }
    }

    pub(crate) fn disconnect(services: &'a ServiceMap, socket: &'a Socket, reason: &'a DisconnectReason) -> Self {
        Self { reason: Some(reason), ..Self::socket_moment(services, socket) }
    }

    pub(crate) fn raw(services: &'a ServiceMap, socket: &'a Socket, message: Message) -> Self {
        Self { message: RefCell::new(Some(message)), ..Self::socket_moment(services, socket) }
    }

    pub(crate) fn event(
        services: &'a ServiceMap,
        socket: &'a Socket,
        event: &'a str,
        payload: &'a Payload<'a>,
        responder: &'a (dyn Share + 'a),
    ) -> Self {
        Self { event, payload: Some(payload), responder: Some(responder), ..Self::socket_moment(services, socket) }
    }

    /// The socket it is about.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] while the server starts, when there is none.
    pub fn socket(&self) -> Result<&Socket, Rejection> {
        self.socket.ok_or_else(|| Rejection::new("internal", "there is no socket while the server starts"))
    }

    /// The name the event was sent under; empty where nothing was sent.
    #[must_use]
    pub fn event_name(&self) -> &str {
        self.event
    }

    /// The payload, still JSON; `None` where the client sent none, or `null`. Several arguments are their array.
    #[must_use]
    pub fn data(&self) -> Option<&RawValue> {
        self.payload.and_then(Payload::raw).filter(|raw| raw.get() != "null")
    }

    /// The arguments as they came, binary parts included.
    #[must_use]
    pub fn args(&self) -> RawArgs {
        self.payload.map_or_else(RawArgs::default, RawArgs::from)
    }

    /// The trace it belongs to: that of the message, else that of the handshake.
    #[must_use]
    pub fn traceparent(&self) -> Option<TraceParent> {
        let of_message = self.payload.and_then(|payload| payload.trace.as_deref().copied());
        of_message.or_else(|| self.socket?.handshake().traceparent())
    }

    /// What was provided to the server under this type.
    #[must_use]
    pub fn service<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.services.find()
    }

    /// What a guard granted, of this type: for this event, or for the socket.
    #[must_use]
    pub fn granted<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let of_event = self.extensions.and_then(|extensions| extensions.granted.find());
        of_event.or_else(|| self.grants.and_then(|grants| grants.granted.find()))
    }

    pub(crate) fn of_socket<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.grants.and_then(|grants| grants.own.find())
    }

    /// Values of this request; `None` where nothing stands around its handler that could have put one in.
    #[must_use]
    pub fn extensions(&self) -> Option<&Extensions> {
        self.extensions
    }

    /// Notes that an argument of this type, as it is written, could not be read, for the test that waits for an answer. Gives
    /// the rejection back.
    #[must_use]
    pub fn rejected(&self, argument: &'static str, rejection: Rejection) -> Rejection {
        if let Some(socket) = self.socket {
            socket.handshake().test_log().note(|| format!("the argument `{argument}` could not be read: {rejection}"));
        }
        rejection
    }

    /// The arguments, lent to be read.
    pub(crate) fn list(&self) -> ArgList<'_> {
        self.payload.map(Payload::list).unwrap_or_default()
    }

    pub(crate) fn reason(&self) -> Option<&DisconnectReason> {
        self.reason
    }

    pub(crate) fn take_message(&self) -> Option<Message> {
        self.message.borrow_mut().take()
    }

    pub(crate) fn responder(&self) -> Option<&'a (dyn Share + 'a)> {
        self.responder
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Context")
            .field("socket", &self.socket)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}
