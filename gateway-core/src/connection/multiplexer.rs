//! Joining and leaving of namespaces on a multiplexed connection.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::Instrument;

use crate::connection::application::Application;
use crate::connection::disconnect::{FAILED_HOOK, leave};
use crate::connection::scheduler::overload::too_many_events;
use crate::connection::scheduler::rate_limit::{TokenBucket, per_second_with_burst};
use crate::connection::socket_driver::{NewSocket, ResumeToken, SocketDriver};
use crate::connection::socket_set::SocketSet;
use crate::connection::takeover::{Returning, Takeover, may_be_elsewhere};
use crate::error::{ConnectRejection, Exception, RejectedBy};
use crate::gateway::Route;
use crate::metrics::{Counter, no_namespace, refused, socket_span};
use crate::protocol::{EncodeContext, Encoded, Incoming, Outgoing, Violation, WireFormat};
use crate::session::{Delivery, DisconnectReason, Outbox, Session};
use crate::transport::{Handshake, Transport};

/// The reference server's message for an unknown namespace.
const INVALID: &str = "Invalid namespace";

/// The end of a socket whose connection stays open.
pub(super) struct LeavingSocket {
    session: Arc<Session>,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// A socket that is not made yet: its session may be on another node of the cluster.
struct ResumingSocket {
    route: Arc<Route>,
    handshake: Handshake,
    namespace: String,
    resume_token: ResumeToken,
    looking: Pin<Box<dyn Future<Output = Takeover> + Send>>,
}

/// The namespace requests of a connection, and its leaving sockets.
pub(super) struct Multiplexer {
    application: Arc<Application>,
    format: WireFormat,
    handshake: Handshake,
    /// Frames of no socket, and unsent frames of sockets that left.
    pub(super) outbox: Outbox,
    /// Sockets whose sessions are looked for on other nodes of the cluster.
    resuming: Vec<ResumingSocket>,
    /// Sockets whose end is still running.
    leaving: Vec<LeavingSocket>,
    /// Hashes of the names of ended namespaces: messages that the client sent before it knew of the end are ignored.
    left_namespaces: Vec<u64>,
    hashes: RandomState,
    /// Rate limit of namespace requests, if any.
    connect_rate: Option<TokenBucket>,
    /// Deadline for the first namespace; `None` after it.
    connect_deadline: Option<Instant>,
    /// Wakes a connection without sockets when the server stops; otherwise the sockets wake it.
    stopping: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
}

impl LeavingSocket {
    pub(super) fn end(self) -> impl Future<Output = ()> {
        self.end
    }
}

impl Multiplexer {
    pub(super) fn new(
        application: &Arc<Application>,
        format: WireFormat,
        handshake: Handshake,
        connect_deadline: Instant,
    ) -> Self {
        let limits = &application.limits;
        let outbox = Outbox::new(format, limits, &application.telemetry);
        outbox.open(Encoded::nothing());
        Self {
            application: Arc::clone(application),
            format,
            handshake,
            outbox,
            resuming: Vec::new(),
            leaving: Vec::new(),
            left_namespaces: Vec::new(),
            hashes: RandomState::new(),
            connect_rate: None,
            connect_deadline: Some(connect_deadline),
            stopping: None,
        }
    }

    /// The request that opened the connection.
    pub(super) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Deadline of a connection without sockets; `None` while a connect hook is running.
    pub(super) fn connect_deadline(&self, sockets: &SocketSet) -> Option<Instant> {
        self.connect_deadline.filter(|_| sockets.is_empty() && self.resuming.is_empty())
    }

    /// Notes that the client is in a namespace.
    pub(super) fn claimed(&mut self) {
        self.connect_deadline = None;
    }

    /// Ends the connection. Returns the frames still to send and the leaving sockets. If the server ends the connection, each
    /// accepted socket gets a disconnect packet.
    pub(super) fn close(self, sockets: &mut SocketSet, reason: &DisconnectReason) -> (Outbox, Vec<LeavingSocket>) {
        for driver in sockets.iter() {
            let session = driver.session();
            session.outbox.detach_writer();
            if !session.is_accepted() {
                session.outbox.discard();
            } else if matches!(reason, DisconnectReason::Server(_)) {
                session.outbox.push_last(session.encode(&Outgoing::Disconnected));
            }
            self.outbox.absorb(&session.outbox);
        }
        (self.outbox, self.leaving)
    }

    /// Handles a packet. `Err` ends the connection.
    pub(super) fn receive(
        &mut self,
        sockets: &mut SocketSet,
        namespace: &str,
        incoming: Incoming<'_>,
        task: &mut Task<'_>,
    ) -> Result<(), Violation> {
        if let Incoming::Connect { auth } = incoming {
            return self.connect(sockets, namespace, auth);
        }
        match (sockets.in_namespace(namespace), incoming) {
            (Some(_), Incoming::Disconnect) => {
                self.leave(sockets, namespace, DisconnectReason::Left);
                Ok(())
            }
            (Some(driver), incoming) => {
                driver.receive_incoming(incoming, task);
                Ok(())
            }
            (None, Incoming::Disconnect) if self.is_resuming(namespace) => {
                self.resuming.retain(|resuming| resuming.namespace != namespace);
                Ok(())
            }
            (None, _) if self.left_namespaces.contains(&self.hashes.hash_one(namespace)) => Ok(()),
            (None, _) => Err(Violation::new("the client is not in this namespace")),
        }
    }

    fn connect(&mut self, sockets: &mut SocketSet, namespace: &str, auth: Option<&RawValue>) -> Result<(), Violation> {
        if sockets.in_namespace(namespace).is_some() || self.is_resuming(namespace) {
            return Err(Violation::new("the client is in this namespace already"));
        }
        if sockets.len() + self.resuming.len() >= self.application.limits.namespaces_per_connection {
            self.turn_away(sockets, namespace, &Exception::message("Too many namespaces"));
            return Ok(());
        }
        if let Err(exception) = self.acquire_token() {
            self.turn_away(sockets, namespace, &exception);
            return Ok(());
        }
        // Credentials are kept for the lifetime of the socket.
        if auth.is_some_and(|auth| auth.get().len() > self.application.limits.auth_bytes) {
            self.turn_away(sockets, namespace, &Exception::message("Credentials too large"));
            return Ok(());
        }
        let found = self.application.routes.find(namespace);
        // Only the canonical spelling of a name is accepted, as packets carry it in both directions.
        let Some(found) = found.filter(|found| found.name == namespace && found.route.router.raw().is_none()) else {
            self.turn_away(sockets, namespace, &Exception::message(INVALID));
            return Ok(());
        };
        let name = self.hashes.hash_one(namespace);
        self.left_namespaces.retain(|left_namespaces| *left_namespaces != name);
        let resume_token = auth.filter(|_| self.application.recovery.is_some()).and_then(claimed);
        let handshake = self.handshake.for_namespace(found.name.clone(), found.parameters, auth);
        match resume_token {
            Some(resume_token) if may_be_elsewhere(&self.application) => {
                self.look_up(namespace, found.route, handshake, resume_token);
            }
            resume_token => {
                let new_socket = self.new_socket(namespace, found.route, handshake, resume_token);
                self.enter(sockets, new_socket);
            }
        }
        Ok(())
    }

    /// Looks for a session on other nodes of the cluster.
    fn look_up(&mut self, namespace: &str, route: Arc<Route>, handshake: Handshake, resume_token: ResumeToken) {
        let namespace = namespace.to_owned();
        let returning = Returning {
            application: Arc::clone(&self.application),
            namespace: namespace.clone(),
            handshake: handshake.clone(),
            format: self.format,
            resume_token: resume_token.clone(),
        };
        let looking = Box::pin(returning.look_up());
        self.resuming.push(ResumingSocket { route, handshake, namespace, resume_token, looking });
    }

    /// Makes the sockets whose sessions were looked for.
    pub(super) fn poll_resuming(&mut self, sockets: &mut SocketSet, task: &mut Task<'_>) {
        let mut place = 0;
        while let Some(resuming) = self.resuming.get_mut(place) {
            match resuming.looking.as_mut().poll(task) {
                Poll::Pending => place += 1,
                Poll::Ready(takeover) => {
                    let ResumingSocket { route, handshake, namespace, resume_token, .. } = self.resuming.remove(place);
                    let new_socket = self.new_socket(&namespace, route, handshake, Some(resume_token));
                    self.enter(sockets, NewSocket { takeover, ..new_socket });
                }
            }
        }
    }

    /// Returns `true` if a session is looked for.
    #[inline]
    pub(super) fn is_resuming_any(&self) -> bool {
        !self.resuming.is_empty()
    }

    fn is_resuming(&self, namespace: &str) -> bool {
        self.resuming.iter().any(|resuming| resuming.namespace == namespace)
    }

    fn new_socket<'a>(
        &self,
        name: &'a str,
        route: Arc<Route>,
        handshake: Handshake,
        resume_token: Option<ResumeToken>,
    ) -> NewSocket<'a> {
        let (format, takeover) = (self.format, Takeover::Here);
        NewSocket { route, name, handshake, format, resume_token, takeover, grants: None }
    }

    /// Makes a socket; its connect hooks run next.
    fn enter(&self, sockets: &mut SocketSet, new_socket: NewSocket<'_>) {
        let namespace = new_socket.name;
        // The latest end waits for the earlier ones.
        let after = self.leaving.iter().rev().find(|leaving| *leaving.session.namespace == *namespace);
        let after = after.and_then(|leaving| leaving.session.ended().cloned()).into_iter().collect();
        let mut driver = SocketDriver::new(&self.application, new_socket, after);
        driver.span = socket_span(driver.context.socket.id(), namespace);
        sockets.push(driver);
    }

    /// Takes a token for a namespace request: the rate is that of events, with a burst of all allowed namespaces.
    fn acquire_token(&mut self) -> Result<(), Exception> {
        let limits = &self.application.limits;
        let Some(events) = limits.events_per_second else { return Ok(()) };
        let rate = per_second_with_burst(events, limits.namespaces_per_connection);
        let now = Instant::now();
        let taken = self.connect_rate.get_or_insert_with(|| TokenBucket::full(now)).acquire(rate, now);
        taken.map_err(|wait| {
            self.application.telemetry.counters.add(Counter::RateLimited);
            too_many_events(events, wait)
        })
    }

    /// Refuses a namespace. If the refusal does not fit into the outbox, the connection ends.
    fn turn_away(&mut self, sockets: &SocketSet, namespace: &str, exception: &Exception) {
        self.application.telemetry.counters.add(Counter::RefusedConnections);
        no_namespace(namespace, exception.text(), || {
            let names: Vec<_> = self.application.routes.iter().map(|route| route.namespace).collect();
            if exception.text() == INVALID { names.join(", ") } else { String::new() }
        });
        let data = exception.render_refusal();
        let frame = self.format.encode(EncodeContext::new(namespace), &Outgoing::Refused { data: &data });
        let _ = self.outbox_beside(sockets).push(frame, Delivery::Answer);
    }

    /// Handles a refusal by the connect hooks.
    pub(super) fn refuse(&mut self, sockets: &mut SocketSet, namespace: &str, refusal: &ConnectRejection) {
        let exception = refusal.exception();
        let Some(driver) = sockets.take(namespace) else { return };
        if driver.session().is_recovered() {
            driver.session().mark_disconnected();
        }
        self.application.telemetry.counters.add(Counter::RefusedConnections);
        refused(&driver.session().id, refusal.notice(namespace), exception.notice());
        self.note_left(&driver);
        let last = if self.application.compat.nestjs && refusal.by() == RejectedBy::Hook {
            told_inside(driver.session(), exception)
        } else {
            driver.session().encode(&Outgoing::Refused { data: &exception.render_refusal() })
        };
        self.part(driver, last, DisconnectReason::Server(crate::Disconnect::new(refusal.close_code(), "refused")));
    }

    /// Ends a socket without its connection.
    pub(super) fn leave(&mut self, sockets: &mut SocketSet, namespace: &str, reason: DisconnectReason) {
        let Some(driver) = sockets.take(namespace) else { return };
        self.note_left(&driver);
        let last = match reason {
            DisconnectReason::Left => Encoded::nothing(),
            _ => driver.session().encode(&Outgoing::Disconnected),
        };
        self.part(driver, last, reason);
    }

    /// Notes an ended namespace. Only the latest are kept, because a client can cause any number.
    fn note_left(&mut self, driver: &SocketDriver) {
        if self.left_namespaces.len() >= self.application.limits.namespaces_per_connection {
            self.left_namespaces.remove(0);
        }
        self.left_namespaces.push(self.hashes.hash_one(&*driver.session().namespace));
    }

    fn part(&mut self, driver: SocketDriver, last: Encoded, reason: DisconnectReason) {
        let session = driver.session();
        if !session.is_accepted() {
            session.outbox.discard();
        }
        if !last.is_nothing() {
            session.outbox.push_last(last);
        }
        self.outbox.absorb(&session.outbox);
        let (span, session) = (driver.span.clone(), Arc::clone(session));
        self.leaving.push(LeavingSocket { session, end: Box::pin(leave(driver, reason).instrument(span)) });
    }

    /// Returns the outbox for frames of no socket: the only socket's if direct writes are allowed, or else the connection's.
    pub(super) fn outbox_beside<'a>(&'a self, sockets: &'a SocketSet) -> &'a Outbox {
        sockets.only().filter(|_| sockets.is_lent()).map_or(&self.outbox, |driver| &driver.session().outbox)
    }

    /// Returns `true` if more may be read. Leaving sockets still hold their resources, so their number is limited.
    pub(super) fn has_room(&self) -> bool {
        self.leaving.len() < self.application.limits.namespaces_per_connection
    }

    /// Polls leaving sockets. Returns `true` if one has ended.
    pub(super) fn poll(&mut self, is_vacant: bool, task: &mut Task<'_>) -> bool {
        if is_vacant {
            let wait = || Box::pin(self.application.stopping.clone().cancelled_owned());
            // Only the wake-up matters; the stop itself is checked in every turn.
            let _ = self.stopping.get_or_insert_with(wait).as_mut().poll(task);
        } else {
            self.stopping = None;
        }
        let before = self.leaving.len();
        self.leaving.retain_mut(|leaving| leaving.end.as_mut().poll(task).is_pending());
        self.leaving.len() < before
    }

    /// Writes queued frames to the peer; a partly written frame is completed before any other.
    pub(super) fn poll_write<T: Transport>(
        &self,
        sockets: &SocketSet,
        task: &mut Task<'_>,
        transport: &mut T,
    ) -> Poll<io::Result<bool>> {
        let outboxes = || std::iter::once(&self.outbox).chain(sockets.iter().map(|driver| &driver.session().outbox));
        let mut moved = false;
        for outbox in outboxes().filter(|outbox| outbox.is_begun()).chain(outboxes()) {
            let Poll::Ready(written) = outbox.poll_write(task, transport) else {
                // The outboxes after it are blocked too.
                outboxes().for_each(Outbox::refuse);
                return Poll::Pending;
            };
            moved |= written?;
        }
        Poll::Ready(Ok(moved))
    }
}

/// Encodes a failed connect hook as NestJS does: a connect, an exception and a disconnect.
fn told_inside(session: &Session, exception: &Exception) -> Encoded {
    let data = exception.render(Some(FAILED_HOOK), None, true);
    let told = session.encode(&Outgoing::Exception { data: &data, id: None });
    session.greeting().followed_by(&told).followed_by(&session.encode(&Outgoing::Disconnected))
}

/// Reads the client's resume token; `None` unless it is two texts.
fn claimed(auth: &RawValue) -> Option<ResumeToken> {
    #[derive(Deserialize)]
    struct ResumeAuth<'a> {
        #[serde(borrow)]
        pid: &'a RawValue,
        #[serde(borrow)]
        offset: &'a RawValue,
    }
    let ResumeAuth { pid, offset } = serde_json::from_str(auth.get()).ok()?;
    let text = |value: &RawValue| serde_json::from_str(value.get()).ok();
    Some(ResumeToken { key: text(pid)?, offset: text(offset)? })
}

impl fmt::Debug for Multiplexer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Multiplexer({:?}, {} leaving)", self.format, self.leaving.len())
    }
}
