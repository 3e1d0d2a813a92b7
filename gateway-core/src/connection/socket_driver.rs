//! A socket of a connection, in one namespace: its connect hooks, its running and queued events, and its end. A plain
//! connection has one, a Socket.IO connection one per requested namespace.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::connection::application::Application;
use crate::connection::connect::ConnectHooks;
use crate::connection::scheduler::Scheduler;
use crate::connection::scheduler::events::EventScheduler;
use crate::connection::scheduler::renewal::renew as renew_credentials;
use crate::connection::socket_context::SocketContext;
use crate::connection::takeover::Takeover;
use crate::error::{ConnectRejection, Exception};
use crate::gateway::Route;
use crate::handler::SocketGrants;
use crate::hub::cluster::RecordSource;
use crate::hub::{Hub, Resumed, Space, show_connected};
use crate::metrics::{Counter, told};
use crate::protocol::{
    CloseCode, Disconnect, Encoded, Incoming, Malformed, Message, Outgoing, Payload, RequestId, WireFormat,
    exceeds_depth,
};
use crate::session::{Delivery, DisconnectReason, Scope, Session};
use crate::socket::Socket;
use crate::transport::{Handshake, ResumeRequest, Transport};

pub(super) struct SocketDriver {
    pub(super) context: SocketContext,
    pub(super) scheduler: Scheduler,
    /// Present while the connect hooks run.
    pub(super) connect_hooks: Option<ConnectHooks>,
    /// Gateways whose connect hooks have accepted, in order.
    pub(super) admitted: usize,
    /// Deadline for running handlers when the server stops.
    pub(super) drained_by: Option<Instant>,
    /// Span of the socket's code; the connection's span if this is the only socket.
    pub(super) span: Span,
    /// Ends of other sockets that its connect hooks waited for.
    pub(super) after: Vec<CancellationToken>,
    _presence: MembershipGuard,
}

/// Data of a new socket.
pub(super) struct NewSocket<'a> {
    pub(super) route: Arc<Route>,
    /// The concrete name of the namespace.
    pub(super) name: &'a str,
    pub(super) handshake: Handshake,
    pub(super) format: WireFormat,
    pub(super) resume_token: Option<ResumeToken>,
    pub(super) takeover: Takeover,
    /// Grants of the guards that checked the request.
    pub(super) grants: Option<Arc<SocketGrants>>,
}

/// A client's token to resume a socket: the key, and the offset of the last received event.
#[derive(Clone, Debug)]
pub(super) struct ResumeToken {
    pub(super) key: String,
    pub(super) offset: String,
}

impl ResumeToken {
    /// Returns the token of a request of the plain protocol or for server-sent events.
    pub(super) fn from_request(handshake: &Handshake, format: WireFormat) -> Option<Self> {
        let is_stream = format == WireFormat::EventStream;
        let resume = if is_stream { handshake.resume_by_event_id() } else { handshake.resume() };
        match resume? {
            ResumeRequest::Now { key, offset } => Some(Self { key, offset }),
            ResumeRequest::Later => None,
        }
    }
}

impl SocketDriver {
    /// Creates a socket whose guards and connect hooks will run after the ends in `after`.
    pub(super) fn new(
        application: &Arc<Application>,
        mut new_socket: NewSocket<'_>,
        mut after: Vec<CancellationToken>,
    ) -> Self {
        let space = application.hub.space(new_socket.name);
        let enter = |session: &Arc<Session>| MembershipGuard::new(&application.hub, &space, session);
        let presence = match std::mem::replace(&mut new_socket.takeover, Takeover::Here) {
            Takeover::Taken(taken) => {
                taken.into_presence().unwrap_or_else(|| enter(&begin_new(application, &space, &new_socket)))
            }
            Takeover::Here => {
                let (session, earlier) = begin(application, &space, &new_socket);
                after.extend(earlier.and_then(|earlier| earlier.ended().cloned()));
                enter(&session)
            }
            Takeover::Missing => {
                application.telemetry.counters.add(Counter::LostSockets);
                enter(&begin_new(application, &space, &new_socket))
            }
        };
        let session = Arc::clone(&presence.session);
        let NewSocket { route, grants, .. } = new_socket;
        let socket = Socket::new(Arc::clone(&session), space);
        // A stop visits the sessions once, so a session that enters at that moment must check itself.
        if application.is_stopping() {
            session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
        }
        let application = Arc::clone(application);
        let scheduler = Scheduler::new(&route);
        let grants = grants.or_else(|| (route.is_guarded || !route.own.is_empty()).then(Arc::default));
        let context = SocketContext { application, route, session, socket, grants };
        context.guard();
        let connect_hooks = Some(ConnectHooks::begin(&context, &after));
        Self {
            context,
            scheduler,
            connect_hooks,
            admitted: 0,
            drained_by: None,
            span: Span::none(),
            after,
            _presence: presence,
        }
    }

    /// Opens the outbox after the connect hooks have accepted.
    fn open(&self) {
        let session = self.session();
        let hub = &self.context.application.hub;
        let is_kept = hub.resumable.keep(session);
        if is_kept && session.is_recovered() {
            self.context.count(Counter::Recoveries);
        }
        if is_kept && let Some(log) = hub.cluster().and_then(|cluster| cluster.log()) {
            let source: Arc<dyn RecordSource> = self.context.socket.space().clone();
            log.sessions.keep(session, &source);
        }
        // For a resumed client the greeting is queued behind the missed events.
        let greeting = if session.is_recovered() { Encoded::nothing() } else { session.greeting() };
        session.outbox.open(greeting);
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.context.session
    }

    /// Polls the connect hooks and opens an accepted socket. Returns `true` if they have just accepted.
    pub(super) fn connect<T: Transport>(
        &mut self,
        task: &mut Task<'_>,
        transport: &mut T,
    ) -> Result<bool, ConnectRejection> {
        // A socket of this turn is not registered yet: only those at its start are.
        self.session().outbox.register(task);
        if !self.admit(task)? {
            return Ok(false);
        }
        self.open();
        transport.greet();
        if let Some(listener) = transport.listener() {
            self.session().outbox.listen_before_volatile(listener);
        }
        Ok(true)
    }

    /// Polls the connect hooks. Returns `true` if they have just accepted.
    pub(super) fn admit(&mut self, task: &mut Task<'_>) -> Result<bool, ConnectRejection> {
        let Some(connect_hooks) = &mut self.connect_hooks else { return Ok(false) };
        let polled = self.span.in_scope(|| connect_hooks.poll(task));
        self.admitted = connect_hooks.admitted();
        let Poll::Ready(verdict) = polled else { return Ok(false) };
        verdict?;
        self.connect_hooks = None;
        self.session().accept();
        self.scheduler.open();
        self.context.count(Counter::Connections);
        show_connected(self.context.socket.space(), self.session());
        self.span.in_scope(|| tracing::debug!("connected"));
        Ok(true)
    }

    /// The reason and extent of an end that the server requested, after accepted requests are answered.
    pub(super) fn requested_end(&mut self) -> Option<(DisconnectReason, Scope)> {
        let (reason, scope) = self.session().outbox.ended()?;
        // A client that sent all it has to say waits for the answers, also if it is not accepted yet.
        let still_listens = reason == DisconnectReason::HalfClosed;
        let is_connecting = self.connect_hooks.is_some();
        if !reason.is_gentle() || (is_connecting && !still_listens) || (!is_connecting && self.is_idle()) {
            return Some((reason, scope));
        }
        // Accepted requests are answered first, within a time limit.
        let now = Instant::now();
        if self.drained_by.is_none() && !still_listens {
            self.scheduler.end_streams();
            self.session().gone.cancel();
        }
        let drained_by = *self.drained_by.get_or_insert(now + self.context.application.limits.drain_timeout);
        (drained_by <= now).then_some((reason, scope))
    }

    /// Returns `true` if an answer of the client is pending.
    pub(super) fn is_asking(&self) -> bool {
        !self.scheduler.is_raw() && !self.session().pending.is_empty()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.drained_by.is_some()
    }

    /// Returns `true` if more may be read; always while an answer of the client is pending.
    #[inline]
    pub(super) fn may_read(&self) -> bool {
        self.takes_events() || self.is_asking()
    }

    #[inline]
    pub(super) fn takes_events(&self) -> bool {
        self.has_room() && !self.is_stopping()
    }

    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.scheduler.has_room(&self.context)
    }

    pub(super) fn count(&mut self) {
        self.scheduler.count(&self.context);
    }

    fn is_idle(&self) -> bool {
        !self.session().owes_answers() && !self.has_work()
    }

    /// Returns `true` if an event is running or queued.
    pub(super) fn has_work(&self) -> bool {
        !self.scheduler.is_idle()
    }

    /// Drops queued events after a disconnect.
    pub(super) fn forget_what_waits(&mut self) {
        self.scheduler.forget_waiting();
    }

    /// Polls all work. Returns `true` if there was progress.
    pub(super) fn run(&mut self, task: &mut Task<'_>) -> bool {
        let _entered = self.span.enter();
        self.scheduler.poll(&self.context, task)
    }

    /// Handles a whole message of a raw gateway.
    pub(super) fn receive_message(&mut self, message: impl Into<Message>, task: &mut Task<'_>) {
        if let Scheduler::Raw(raw) = &mut self.scheduler {
            let _entered = self.span.enter();
            raw.receive(&self.context, message.into(), task);
        }
    }

    pub(super) fn receive_incoming(&mut self, incoming: Incoming<'_>, task: &mut Task<'_>) {
        let is_stopping = self.is_stopping();
        // A raw gateway has no envelopes.
        let Scheduler::Events(events) = &mut self.scheduler else { return };
        let limits = &self.context.application.limits;
        match incoming {
            Incoming::Event(envelope) if envelope.event.len() > limits.event_name_bytes => {
                EventScheduler::refuse_name(&self.context, envelope);
            }
            // The envelope counts as one level of nesting.
            Incoming::Event(envelope)
                if exceeds_depth(envelope.payload.text(), limits.json_depth.saturating_sub(1)) =>
            {
                let too_deep = || Exception::framework("too_deep", "the data is nested too deeply");
                let exception = events.acquire_token(&self.context).err().unwrap_or_else(too_deep);
                EventScheduler::refuse(&self.context, envelope, &exception);
            }
            Incoming::Event(envelope) if is_stopping => {
                EventScheduler::refuse(&self.context, envelope, &Exception::framework("gone", "the connection ends"));
            }
            Incoming::Event(envelope) => {
                let _entered = self.span.enter();
                events.receive(&self.context, envelope, task);
            }
            Incoming::Answer { ask, outcome } => {
                let outcome = outcome.map(Payload::into_owned).map_err(|error| error.get().to_owned());
                // An answer without a pending request is late: its request has timed out.
                self.context.session.pending.answer(ask, outcome);
            }
            Incoming::Cancel(id) => events.cancel(&self.context, &id),
            Incoming::Renew { auth, id } => {
                let _entered = self.span.enter();
                renew_credentials(events, &self.context, auth, id);
            }
            // The first two concern namespaces and are handled by the multiplexer.
            Incoming::Connect { .. } | Incoming::Disconnect | Incoming::Nothing => {}
        }
    }

    pub(super) fn reply_malformed(&mut self, malformed: Malformed) {
        let Malformed { why, id } = malformed;
        let told = self.scheduler.acquire_token(&self.context).err();
        self.send_exception(&told.unwrap_or_else(|| Exception::framework("malformed", why)), id.as_ref());
    }

    /// Answers a panic of the application's message format.
    pub(super) fn reply_format_panic(&self) {
        self.context.count(Counter::Panics);
        let socket = &self.session().id;
        let exception = Exception::internal(|id| tracing::error!(%socket, id, "a message format panicked"));
        self.send_exception(&exception, None);
    }

    /// Sends an exception that belongs to no event.
    pub(super) fn send_exception(&self, exception: &Exception, id: Option<&RequestId>) {
        self.context.count(Counter::Exceptions);
        told(self.context.socket.id(), "", exception.notice());
        self.session().test_log.note(|| format!("a message was no event: {exception}"));
        let data = exception.render(None, None, self.context.application.compat.nestjs);
        let delivery = if id.is_some() { Delivery::Answer } else { Delivery::Event };
        // The outbox counts a frame that does not fit.
        let _ = self.session().answer(&Outgoing::Exception { data: &data, id }, delivery);
    }

    /// The earliest deadline of the socket.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let SocketContext { grants, .. } = &self.context;
        if self.connect_hooks.is_none() && self.drained_by.is_none() && grants.is_none() {
            return self.scheduler.deadline();
        }
        let expires = grants.as_ref().and_then(|grants| grants.expires());
        let connect_hooks = self.connect_hooks.as_ref().and_then(ConnectHooks::deadline);
        [self.scheduler.deadline(), connect_hooks, self.drained_by, expires].into_iter().flatten().min()
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let _entered = self.span.enter();
        self.session().outbox.forget_old_events();
        if self.context.grants.as_ref().is_some_and(|grants| grants.take_expiry(now)) {
            // A client that resumed on another connection has presented new credentials there.
            self.session().expel(Disconnect::new(CloseCode::EXPIRED, "expired"), Scope::Socket);
        }
        self.scheduler.expire(&self.context, now);
    }
}

impl fmt::Debug for SocketDriver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SocketDriver({:?}, {:?})", self.context.socket, self.scheduler)
    }
}

/// Starts a session in its namespace: a resumed one, with the earlier session, if all missed events are still kept; or else
/// a new one.
fn begin(application: &Application, space: &Space, new_socket: &NewSocket<'_>) -> (Arc<Session>, Option<Arc<Session>>) {
    let Application { hub, telemetry, .. } = application;
    if let Some(ResumeToken { key, offset }) = &new_socket.resume_token {
        let renewed = renew(application, space, new_socket);
        if let Some(Resumed { session, earlier }) = hub.resumable.resume(space, key, offset, renewed) {
            return (session, Some(earlier));
        }
        telemetry.counters.add(Counter::LostSockets);
    }
    (begin_new(application, space, new_socket), None)
}

/// Starts a new session in its namespace.
fn begin_new(application: &Application, space: &Space, new_socket: &NewSocket<'_>) -> Arc<Session> {
    let session = renew(application, space, new_socket);
    let session = match &application.recovery {
        // A page of the Admin UI is shown everything anew.
        Some(recovery) if new_socket.format.numbers_events() && !new_socket.route.is_built_in => {
            session.with_recovery(recovery, &application.hub.offsets)
        }
        _ => session,
    };
    if let Some((log, recovery)) = space.event_log().zip(session.recovery.as_ref()) {
        recovery.begin_at(log.position());
    }
    let session = Arc::new(session);
    space.enter(&session);
    session
}

/// A session of this client that is in no namespace yet.
fn renew(application: &Application, space: &Space, NewSocket { handshake, format, .. }: &NewSocket<'_>) -> Session {
    let Application { limits, telemetry, .. } = application;
    let session = Session::new(&space.name, handshake.clone(), *format, limits, telemetry);
    session.with_custom_format(space.encode_context().own.filter(|_| *format == WireFormat::Custom))
}

/// Membership in a namespace, ended on drop.
pub(super) struct MembershipGuard {
    hub: Arc<Hub>,
    space: Arc<Space>,
    session: Arc<Session>,
}

impl MembershipGuard {
    pub(super) fn new(hub: &Arc<Hub>, space: &Arc<Space>, session: &Arc<Session>) -> Self {
        Self { hub: Arc::clone(hub), space: Arc::clone(space), session: Arc::clone(session) }
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(super) fn space(&self) -> &Arc<Space> {
        &self.space
    }
}

impl Drop for MembershipGuard {
    fn drop(&mut self) {
        self.session.outbox.close(None);
        self.session.pending.close();
        self.session.gone.cancel();
        self.hub.resumable.forget(&self.session);
        self.space.exit(&self.session);
        self.session.end_answers();
        self.session.end();
    }
}
