//! One connection from its handshake to its end, and a message's whole life in between: receive → decode → dispatch →
//! encode → send. One task; nothing here is locked while user code runs.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use bytes::Bytes;
use tokio::time::{Instant, Sleep};
use tracing::Instrument;

use crate::dispatch::{Exception, Refusal};
use crate::gateway::Route;
use crate::hub::Space;
use crate::server::application::Application;
use crate::server::admission::Admission;
use crate::server::ending;
use crate::server::lanes::Lanes;
use crate::server::raw::RawLane;
use crate::session::{Delivery, DisconnectReason, Heartbeat, Pulse, Session};
use crate::socket::Socket;
use crate::telemetry::{Counter, connection_span};
use crate::transport::{Broken, Handshake, Transport};
use crate::wire::{Frame, Incoming, Malformed, Message, Outgoing, RequestId, WireFormat, decode, exceeds_depth};

/// Frames read before others get their turn; what they answer leaves in one write.
const TURN: usize = 32;

pub(crate) struct Connection<T> {
    pub(super) transport: T,
    pub(super) application: Arc<Application>,
    pub(super) route: Arc<Route>,
    pub(super) session: Arc<Session>,
    pub(super) socket: Socket,
    pub(super) lanes: Lanes,
    /// Present in a raw gateway, which has no use for lanes.
    pub(super) raw: Option<RawLane>,
    heartbeat: Heartbeat,
    clock: Pin<Box<Sleep>>,
    /// Present while the connect hooks run.
    pub(super) admission: Option<Admission>,
    /// Gateways whose connect hooks have accepted, in order.
    pub(super) admitted: usize,
    /// When a server that stops will wait no longer for what runs here.
    drained_by: Option<Instant>,
    unflushed: bool,
}

/// How a connection came to its end.
pub(super) enum End {
    Over(DisconnectReason),
    Refused(Refusal),
}

/// Serves one client until it is gone. `name` is the concrete namespace.
pub(crate) async fn serve<T: Transport>(transport: T, application: Arc<Application>, route: Arc<Route>, name: &str, handshake: Handshake) {
    let space = application.shared.hub.of(name);
    let session = Arc::new(Session::new(handshake, WireFormat::Plain, &application.limits, &application.shared.counters));
    let presence = Presence::enter(&space, &session);
    let socket = Socket::new(Arc::clone(&session), space);
    // Stopping looks for sessions once: one that enters at that moment looks back.
    if application.shared.is_stopping() {
        session.outbox.end(DisconnectReason::Shutdown);
    }
    let span = connection_span(socket.id(), name, socket.handshake().peer());
    let mut connection = Connection::new(transport, application, route, session, socket);
    let life = async {
        let end = poll_fn(|task| connection.poll(task)).await;
        ending::finish(connection, end).await;
    };
    life.instrument(span).await;
    drop(presence);
}

/// Membership in a namespace that ends however its connection does.
struct Presence {
    space: Arc<Space>,
    session: Arc<Session>,
}

impl Presence {
    fn enter(space: &Arc<Space>, session: &Arc<Session>) -> Self {
        space.enter(session);
        Self { space: Arc::clone(space), session: Arc::clone(session) }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.session.outbox.close();
        self.session.pending.close();
        self.session.gone.cancel();
        self.space.exit(&self.session.id);
    }
}

impl<T: Transport> Connection<T> {
    fn new(transport: T, application: Arc<Application>, route: Arc<Route>, session: Arc<Session>, socket: Socket) -> Self {
        let now = Instant::now();
        let heartbeat = Heartbeat::new(application.limits.ping_interval, application.limits.ping_timeout, now);
        let lanes = Lanes::new(Arc::clone(&application), Arc::clone(&route), Arc::clone(&session), socket.clone());
        let raw = route.router.raw().map(|_| RawLane::new(Arc::clone(&application), Arc::clone(&route), socket.clone()));
        let admission = Some(Admission::begin(&application, &route, &socket, now));
        let clock = Box::pin(tokio::time::sleep_until(now));
        Self { transport, application, route, session, socket, lanes, raw, heartbeat, clock, admission, admitted: 0, drained_by: None, unflushed: false }
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<End> {
        match self.turn(task) {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Whatever can be done now, until nothing can or others should have their turn.
    fn turn(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        self.session.outbox.register(task);
        for _ in 0..TURN {
            self.admit(task)?;
            self.stop_if_told()?;
            let received = self.receive(task)?;
            let ran = self.run(task);
            if received && self.has_room() && self.session.outbox.is_light() {
                // More may have come in the same read: its answers leave together.
                continue;
            }
            let sent = self.send(task)?;
            if !(received || ran || sent) {
                return self.watch_clock(task);
            }
        }
        self.send(task)?;
        task.waker().wake_by_ref();
        self.watch_clock(task)
    }

    /// Lets the connect hooks go on.
    fn admit(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        let Some(admission) = &mut self.admission else { return Ok(()) };
        let polled = admission.poll(task);
        self.admitted = admission.admitted();
        let Poll::Ready(verdict) = polled else { return Ok(()) };
        verdict.map_err(End::Refused)?;
        self.admission = None;
        self.session.accept();
        self.transport.greet();
        self.lanes.open();
        if let Some(raw) = &mut self.raw {
            raw.open();
        }
        self.application.shared.counters.add(Counter::Connections);
        tracing::debug!("connected");
        Ok(())
    }

    /// Ends the connection by the server's will, once what was promised before is done.
    fn stop_if_told(&mut self) -> Result<(), End> {
        let Some(reason) = self.session.outbox.ended() else { return Ok(()) };
        if reason != DisconnectReason::Shutdown || self.admission.is_some() || self.is_idle() {
            return Err(End::Over(reason));
        }
        // What was accepted is answered first, within a bound.
        let now = Instant::now();
        if self.drained_by.is_none() {
            self.lanes.end_streams();
        }
        let drained_by = *self.drained_by.get_or_insert(now + self.application.limits.drain_timeout);
        if drained_by <= now { Err(End::Over(reason)) } else { Ok(()) }
    }

    fn has_room(&self) -> bool {
        self.raw.as_ref().map_or_else(|| self.lanes.has_room(), RawLane::has_room)
    }

    fn is_idle(&self) -> bool {
        self.lanes.is_idle() && self.raw.as_ref().is_none_or(RawLane::is_idle)
    }

    fn run(&mut self, task: &mut Task<'_>) -> bool {
        match &mut self.raw {
            Some(raw) => raw.poll(task),
            None => self.lanes.poll(task),
        }
    }

    fn may_read(&self) -> bool {
        // While the client owes an answer reading goes on: the answer is behind the events that wait, or the server stops.
        let is_asked = self.raw.is_none() && !self.session.pending.is_empty();
        is_asked || (self.has_room() && !self.is_stopping())
    }

    fn is_stopping(&self) -> bool {
        self.session.outbox.ended().is_some()
    }

    /// Reads one frame and acts on it. Says whether there was one.
    fn receive(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        if !self.may_read() {
            return Ok(false);
        }
        let frame = match self.transport.poll_receive(task) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Ok(frame)) => frame,
            Poll::Ready(Err(Broken::Lost)) => return Err(End::Over(DisconnectReason::Lost)),
            Poll::Ready(Err(Broken::Violation(disconnect))) => {
                self.application.shared.counters.add(Counter::ProtocolErrors);
                return Err(End::Over(DisconnectReason::Violation(disconnect)));
            }
        };
        self.heartbeat.hear();
        match frame {
            Frame::Close(close) => return Err(End::Over(DisconnectReason::Client(close))),
            Frame::Ping(_) => self.unflushed = true,
            Frame::Pong(_) => {}
            Frame::Text(text) => match &mut self.raw {
                Some(raw) => raw.take(Message::Text(text), task),
                None => self.take(&text, task),
            },
            Frame::Binary(bytes) => match (&mut self.raw, std::str::from_utf8(&bytes)) {
                (Some(raw), _) => raw.take(Message::Binary(bytes), task),
                (None, Ok(text)) => self.take(text, task),
                (None, Err(_)) => self.tell(&Exception::framework("malformed", "the binary frame does not hold UTF-8"), None),
            },
        }
        Ok(true)
    }

    fn take(&mut self, text: &str, task: &mut Task<'_>) {
        match decode(text) {
            Ok(Incoming::Event(envelope)) if exceeds_depth(text, self.application.limits.json_depth) => {
                self.lanes.refuse(envelope, &Exception::framework("too_deep", "the data is nested too deeply"));
            }
            Ok(Incoming::Event(envelope)) if self.is_stopping() => {
                self.lanes.refuse(envelope, &Exception::framework("gone", "the connection ends"));
            }
            Ok(Incoming::Event(envelope)) => self.lanes.take(envelope, text, task),
            Ok(Incoming::Answer { ask, outcome }) => {
                let outcome = outcome.map(|data| data.map_or("null", |data| data.get()).to_owned()).map_err(|error| error.get().to_owned());
                // An answer nobody waits for came too late: its question was told to have timed out.
                self.session.pending.answer(ask, outcome);
            }
            Ok(Incoming::Cancel(id)) => self.lanes.cancel(&id),
            Err(Malformed { why, id }) => self.tell(&Exception::framework("malformed", why), id.as_ref()),
        }
    }

    /// Tells a failure that belongs to no event.
    fn tell(&self, exception: &Exception, id: Option<&RequestId>) {
        self.application.shared.counters.add(Counter::Exceptions);
        let data = exception.render(None, None, self.application.compat.nestjs);
        let outbox = &self.session.outbox;
        let delivery = if id.is_some() { Delivery::Answer } else { Delivery::Event };
        // A frame that finds no room is counted by the outbox.
        let _ = outbox.push(outbox.format.encode(&Outgoing::Exception { data: &data, id }), delivery);
    }

    /// Moves what waits to the peer. Says whether anything moved.
    fn send(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        let lost = |_: Broken| End::Over(DisconnectReason::Lost);
        let mut moved = false;
        while self.admission.is_none() {
            match self.transport.poll_ready(task) {
                Poll::Pending => break,
                Poll::Ready(ready) => ready.map_err(lost)?,
            }
            let Some(frame) = self.session.outbox.pop() else { break };
            self.transport.send(frame).map_err(lost)?;
            self.unflushed = true;
            moved = true;
        }
        if self.unflushed && let Poll::Ready(flushed) = self.transport.poll_flush(task) {
            flushed.map_err(lost)?;
            self.unflushed = false;
        }
        Ok(moved)
    }

    /// Acts on deadlines that have passed and sleeps until the next.
    fn watch_clock(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        let due = self.due();
        if self.clock.deadline() != due {
            self.clock.as_mut().reset(due);
        }
        if self.clock.as_mut().poll(task).is_pending() {
            return Ok(());
        }
        let now = Instant::now();
        self.lanes.expire(now);
        if let Some(raw) = &mut self.raw {
            raw.expire(now);
        }
        if !self.may_read() {
            // Its signs of life are there, unread.
            self.heartbeat.hear();
        }
        if self.heartbeat.due() <= now {
            match self.heartbeat.beat(now) {
                Pulse::Quiet => {}
                Pulse::Dead => return Err(End::Over(DisconnectReason::HeartbeatTimeout)),
                Pulse::Ping => self.ping(task),
            }
        }
        // Another turn sends what this one caused, and sleeps until the next deadline.
        task.waker().wake_by_ref();
        Ok(())
    }

    fn due(&self) -> Instant {
        let admission = self.admission.as_ref().map(Admission::deadline);
        let raw = self.raw.as_ref().and_then(RawLane::deadline);
        let deadlines = [self.lanes.deadline(), raw, admission, self.drained_by];
        deadlines.into_iter().flatten().fold(self.heartbeat.due(), Instant::min)
    }

    /// A peer that takes no more frames takes no ping either, and is found by the same deadline.
    fn ping(&mut self, task: &mut Task<'_>) {
        if let Poll::Ready(Ok(())) = self.transport.poll_ready(task) && self.transport.send(Frame::Ping(Bytes::new())).is_ok() {
            self.unflushed = true;
        }
    }
}
