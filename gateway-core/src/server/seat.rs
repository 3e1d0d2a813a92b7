//! One socket of a connection, in one namespace: its connect hooks, what of it runs and waits, and its end. A plain
//! connection has one, a Socket.IO connection as many as its client asked for.

use std::fmt;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Span;

use crate::dispatch::{Exception, Passes, Refusal};
use crate::gateway::Route;
use crate::hub::{Hub, Resumed, Space};
use crate::server::admission::Admission;
use crate::server::application::{Application, Shared};
use crate::server::lanes::Lanes;
use crate::server::place::Place;
use crate::server::raw::RawLane;
use crate::session::{Delivery, DisconnectReason, Scope, Session};
use crate::socket::Socket;
use crate::telemetry::{Counter, told};
use crate::transport::{Handshake, Resume};
use crate::wire::{
    CloseCode, Disconnect, Encoded, Incoming, Malformed, Message, Outgoing, Payload, RequestId, WireFormat,
    exceeds_depth,
};

pub(super) struct Seat {
    pub(super) place: Place,
    pub(super) lanes: Lanes,
    /// Present in a raw gateway, which has no use for lanes.
    pub(super) raw: Option<RawLane>,
    /// Present while the connect hooks run.
    pub(super) admission: Option<Admission>,
    /// Gateways whose connect hooks have accepted, in order.
    pub(super) admitted: usize,
    /// When a server that stops will wait no longer for what runs here.
    pub(super) drained_by: Option<Instant>,
    /// Entered while something of it runs; the connection's own span where it is the only one.
    pub(super) span: Span,
    /// Ends that its connect hooks waited for.
    pub(super) after: Vec<CancellationToken>,
    _presence: Presence,
}

/// What a client is seated for.
pub(super) struct Seating<'a> {
    pub(super) route: Arc<Route>,
    /// The concrete name of the namespace.
    pub(super) name: &'a str,
    pub(super) handshake: Handshake,
    pub(super) format: WireFormat,
    pub(super) claim: Option<Claim>,
    /// What guards have said of the request that asked for it.
    pub(super) passes: Option<Arc<Passes>>,
}

/// What a client says to be the same socket again: the key it was given, and the last event it has seen.
pub(super) struct Claim {
    pub(super) key: String,
    pub(super) offset: String,
}

impl Claim {
    /// What a request of the plain protocol names.
    pub(super) fn of_request(handshake: &Handshake) -> Option<Self> {
        match handshake.resume()? {
            Resume::Now { key, offset } => Some(Self { key, offset }),
            Resume::Later => None,
        }
    }
}

impl Seat {
    /// A socket whose guards and connect hooks are about to run, once the ends of those are over whose place it takes.
    pub(super) fn take(
        application: &Arc<Application>,
        seating: Seating<'_>,
        mut after: Vec<CancellationToken>,
    ) -> Self {
        let space = application.shared.hub.of(seating.name);
        let (session, earlier) = begin(application, &space, &seating);
        after.extend(earlier.and_then(|earlier| earlier.ended().cloned()));
        let Seating { route, passes, .. } = seating;
        let hub = Arc::clone(&application.shared.hub);
        let presence = Presence { hub, space: Arc::clone(&space), session: Arc::clone(&session) };
        let socket = Socket::new(Arc::clone(&session), space);
        // Stopping looks for sessions once: one that enters at that moment looks back.
        if application.shared.is_stopping() {
            session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
        }
        let application = Arc::clone(application);
        let raw = route.router.raw().map(|_| RawLane::default());
        let passes = passes.or_else(|| (route.is_guarded || !route.own.is_empty()).then(Arc::default));
        let place = Place { application, route, session, socket, passes };
        place.guard();
        let admission = Some(Admission::begin(&place, &after));
        Self {
            place,
            lanes: Lanes::default(),
            raw,
            admission,
            admitted: 0,
            drained_by: None,
            span: Span::none(),
            after,
            _presence: presence,
        }
    }

    /// Opens the way out, once the connect hooks have accepted.
    pub(super) fn open(&self) {
        let session = self.session();
        let is_kept = self.place.application.shared.hub.resumable.keep(session);
        if is_kept && session.is_recovered() {
            self.place.count(Counter::Recoveries);
        }
        // That of a client who came back waits behind what it has missed.
        let greeting = if session.is_recovered() { Encoded::nothing() } else { session.greeting() };
        session.outbox.open(greeting);
    }

    pub(super) fn session(&self) -> &Arc<Session> {
        &self.place.session
    }

    /// Lets the connect hooks go on. Says whether they have accepted just now.
    pub(super) fn admit(&mut self, task: &mut Task<'_>) -> Result<bool, Refusal> {
        let Some(admission) = &mut self.admission else { return Ok(false) };
        let polled = self.span.in_scope(|| admission.poll(task));
        self.admitted = admission.admitted();
        let Poll::Ready(verdict) = polled else { return Ok(false) };
        verdict?;
        self.admission = None;
        self.session().accept();
        self.lanes.open();
        if let Some(raw) = &mut self.raw {
            raw.open();
        }
        self.place.count(Counter::Connections);
        self.span.in_scope(|| tracing::debug!("connected"));
        Ok(true)
    }

    /// Why it ends by the server's will, once what was promised before is done.
    pub(super) fn told_to_end(&mut self) -> Option<(DisconnectReason, Scope)> {
        let (reason, scope) = self.session().outbox.ended()?;
        if !reason.is_gentle() || self.admission.is_some() || self.is_idle() {
            return Some((reason, scope));
        }
        // What was accepted is answered first, within a bound.
        let now = Instant::now();
        if self.drained_by.is_none() {
            self.lanes.end_streams();
            self.session().gone.cancel();
        }
        let drained_by = *self.drained_by.get_or_insert(now + self.place.application.limits.drain_timeout);
        (drained_by <= now).then_some((reason, scope))
    }

    /// Whether the client owes an answer.
    pub(super) fn is_asking(&self) -> bool {
        self.raw.is_none() && !self.session().pending.is_empty()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.drained_by.is_some()
    }

    /// While the client owes an answer reading goes on.
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
        match &self.raw {
            Some(raw) => raw.has_room(&self.place),
            None => self.lanes.has_room(&self.place),
        }
    }

    pub(super) fn count(&mut self) {
        self.lanes.count(&self.place);
    }

    fn is_idle(&self) -> bool {
        !self.session().owes_answers() && !self.has_work()
    }

    /// Whether something runs or waits.
    pub(super) fn has_work(&self) -> bool {
        !self.lanes.is_idle() || self.raw.as_ref().is_some_and(|raw| !raw.is_idle())
    }

    /// The client is gone: what was not started is not started.
    pub(super) fn forget_what_waits(&mut self) {
        self.lanes.forget_waiting_events();
        if let Some(raw) = &mut self.raw {
            raw.forget_waiting_messages();
        }
    }

    /// Lets everything go on as far as it can. Says whether anything happened.
    pub(super) fn run(&mut self, task: &mut Task<'_>) -> bool {
        let _entered = self.span.enter();
        match &mut self.raw {
            Some(raw) => raw.poll(&self.place, task),
            None => self.lanes.poll(&self.place, task),
        }
    }

    /// Takes a whole message, where it is a raw gateway's.
    pub(super) fn take_message(&mut self, message: impl Into<Message>, task: &mut Task<'_>) {
        if let Some(raw) = &mut self.raw {
            let _entered = self.span.enter();
            raw.take(&self.place, message.into(), task);
        }
    }

    pub(super) fn take_incoming(&mut self, incoming: Incoming<'_>, task: &mut Task<'_>) {
        let limits = &self.place.application.limits;
        match incoming {
            Incoming::Event(envelope) if envelope.event.len() > limits.event_name_bytes => {
                Lanes::refuse_name(&self.place, envelope);
            }
            // The envelope around it is a level of its own.
            Incoming::Event(envelope)
                if exceeds_depth(envelope.payload.text(), limits.json_depth.saturating_sub(1)) =>
            {
                let too_deep = || Exception::framework("too_deep", "the data is nested too deeply");
                let exception = self.lanes.take_token(&self.place).err().unwrap_or_else(too_deep);
                Lanes::refuse(&self.place, envelope, &exception);
            }
            Incoming::Event(envelope) if self.is_stopping() => {
                Lanes::refuse(&self.place, envelope, &Exception::framework("gone", "the connection ends"));
            }
            Incoming::Event(envelope) => {
                let _entered = self.span.enter();
                self.lanes.take(&self.place, envelope, task);
            }
            Incoming::Answer { ask, outcome } => {
                let outcome = outcome.map(Payload::into_owned).map_err(|error| error.get().to_owned());
                // An answer nobody waits for came too late: its question was told to have timed out.
                self.session().pending.answer(ask, outcome);
            }
            Incoming::Cancel(id) => self.lanes.cancel(&self.place, &id),
            // The first two are about namespaces, and whoever holds several has taken them.
            Incoming::Connect { .. } | Incoming::Disconnect | Incoming::Nothing => {}
        }
    }

    pub(super) fn tell_malformed(&mut self, malformed: Malformed) {
        let Malformed { why, id } = malformed;
        let told = self.lanes.take_token(&self.place).err();
        self.tell(&told.unwrap_or_else(|| Exception::framework("malformed", why)), id.as_ref());
    }

    /// Tells a failure that belongs to no event.
    pub(super) fn tell(&self, exception: &Exception, id: Option<&RequestId>) {
        self.place.count(Counter::Exceptions);
        told(self.place.socket.id(), "", exception.told());
        self.session().handshake.diary().note(|| format!("a message was no event: {exception}"));
        let data = exception.render(None, None, self.place.application.compat.nestjs);
        let delivery = if id.is_some() { Delivery::Answer } else { Delivery::Event };
        // A frame that finds no room is counted by the outbox.
        let _ = self.session().answer(&Outgoing::Exception { data: &data, id }, delivery);
    }

    /// The next moment something here has had its time.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let Place { passes, .. } = &self.place;
        if self.admission.is_none() && self.raw.is_none() && self.drained_by.is_none() && passes.is_none() {
            return self.lanes.deadline();
        }
        let expires = passes.as_ref().and_then(|passes| passes.expires());
        let admission = self.admission.as_ref().and_then(Admission::deadline);
        let raw = self.raw.as_ref().and_then(RawLane::deadline);
        [self.lanes.deadline(), raw, admission, self.drained_by, expires].into_iter().flatten().min()
    }

    pub(super) fn expire(&mut self, now: Instant) {
        let _entered = self.span.enter();
        self.session().outbox.forget_old_events();
        if self.place.passes.as_ref().is_some_and(|passes| passes.take_expiry(now)) {
            // Whoever came back on another connection has shown new credentials there.
            self.session().expel(Disconnect::new(CloseCode::EXPIRED, "expired"), Scope::Socket);
        }
        self.lanes.expire(&self.place, now);
        if let Some(raw) = &mut self.raw {
            raw.expire(&self.place, now);
        }
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Seat({:?}, {:?})", self.place.socket, self.lanes)
    }
}

/// A session in its namespace: that of a client who came back, with the earlier one, where all it has missed is still
/// known; else a new one.
fn begin(application: &Application, space: &Space, seating: &Seating<'_>) -> (Arc<Session>, Option<Arc<Session>>) {
    let Seating { handshake, format, claim, .. } = seating;
    let Shared { hub, counters, .. } = &*application.shared;
    let renew = || {
        let session = Session::new(&space.name, handshake.clone(), *format, &application.limits, counters);
        session.with_own_form(space.terms().own.filter(|_| *format == WireFormat::Own))
    };
    if let Some(Claim { key, offset }) = claim {
        if let Some(Resumed { session, earlier }) = hub.resumable.resume(space, key, offset, renew()) {
            return (session, Some(earlier));
        }
        counters.add(Counter::LostSockets);
    }
    let session = match &application.recovery {
        Some(recovery) if format.numbers_events() => renew().with_recovery(recovery, &hub.offsets),
        _ => renew(),
    };
    let session = Arc::new(session);
    space.enter(&session);
    (session, None)
}

/// Membership in a namespace that ends however its connection does.
struct Presence {
    hub: Arc<Hub>,
    space: Arc<Space>,
    session: Arc<Session>,
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.session.outbox.close(None);
        self.session.pending.close();
        self.session.gone.cancel();
        self.hub.resumable.forget(&self.session);
        self.space.exit(&self.session);
        self.session.end();
    }
}
