//! One connection from its handshake to its end, and a message's whole life in between: receive → decode → dispatch →
//! encode → send. One task; nothing here is locked while user code runs.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};

use tokio::time::{Instant, Sleep};
use tracing::Instrument;

use crate::dispatch::Exception;
use crate::gateway::Route;
use crate::hub::Space;
use crate::server::admission::Admission;
use crate::server::application::Application;
use crate::server::ending::{self, End, Remains};
use crate::server::lanes::Lanes;
use crate::server::place::Place;
use crate::server::raw::RawLane;
use crate::session::{Batch, Delivery, DisconnectReason, Heartbeat, Pulse, Session};
use crate::socket::Socket;
use crate::telemetry::{Counter, connection_span, told};
use crate::transport::{Broken, Handshake, Transport};
use crate::wire::{
    CloseCode, Disconnect, Encoded, Flow, Incoming, Malformed, Message, OpCode, Outgoing, Payload, Received, RequestId,
    WireFormat, decode, exceeds_depth,
};

/// Frames read before others get their turn; what they answer leaves in one write.
const TURN: usize = 32;

pub(crate) struct Connection<T> {
    transport: T,
    inside: Inside,
}

/// Everything of a connection but its transport, which lends messages to it.
struct Inside {
    place: Place,
    lanes: Lanes,
    /// Present in a raw gateway, which has no use for lanes.
    raw: Option<RawLane>,
    /// Present while the connect hooks run.
    admission: Option<Admission>,
    /// Gateways whose connect hooks have accepted, in order.
    admitted: usize,
    heartbeat: Heartbeat,
    clock: Pin<Box<Sleep>>,
    /// When a server that stops will wait no longer for what runs here.
    drained_by: Option<Instant>,
    /// The message that is being put together from fragments, and until when it must be whole.
    assembly: Option<(u64, Instant)>,
    /// Messages taken in this turn.
    taken: usize,
    /// Set by a message that ends the connection.
    end: Option<End>,
}

/// Serves one client until it is gone. `name` is the concrete namespace. What is made here is all that a connection holds
/// while nothing happens, so it is made before the future and not inside it, and what an end needs is made at the end.
pub(crate) fn serve<T: Transport>(
    transport: T,
    application: Arc<Application>,
    route: Arc<Route>,
    name: &str,
    handshake: Handshake,
) -> impl Future<Output = ()> + Send + 'static {
    let space = application.shared.hub.of(name);
    let counters = &application.shared.counters;
    let session = Session::new(&space.name, handshake, WireFormat::Plain, &application.limits, counters);
    let session = Arc::new(session);
    let presence = Presence::enter(&space, &session);
    let socket = Socket::new(Arc::clone(&session), space);
    // Stopping looks for sessions once: one that enters at that moment looks back.
    if application.shared.is_stopping() {
        session.outbox.end(DisconnectReason::Shutdown);
    }
    let span = connection_span(socket.id(), name, socket.handshake().peer());
    let inside = Inside::new(Place { application, route, session, socket });
    Life::Going { connection: Connection { transport, inside }, presence }.instrument(span)
}

/// A connection's life as one future. By hand: an `async fn` would keep a place for the connection in each of its states.
#[allow(clippy::large_enum_variant, reason = "a connection spends its life in the large one")]
enum Life<T> {
    Going { connection: Connection<T>, presence: Presence },
    Ending { finish: Pin<Box<dyn Future<Output = ()> + Send>>, _presence: Presence },
    Over,
}

impl<T: Transport> Future for Life<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if let Self::Going { connection, .. } = &mut *self {
            let end = ready!(connection.poll(task));
            if let Self::Going { connection, presence } = std::mem::replace(&mut *self, Self::Over) {
                let finish = Box::pin(ending::finish(connection.remains(), end));
                *self = Self::Ending { finish, _presence: presence };
            }
        }
        if let Self::Ending { finish, .. } = &mut *self {
            ready!(finish.as_mut().poll(task));
            *self = Self::Over;
        }
        Poll::Ready(())
    }
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
        self.session.outbox.close(None);
        self.session.pending.close();
        self.session.gone.cancel();
        self.space.exit(&self.session.id);
    }
}

impl<T: Transport> Connection<T> {
    fn remains(self) -> Remains<T> {
        let Self { transport, inside: Inside { place, lanes, raw, admission, admitted, .. } } = self;
        Remains { transport, place, lanes, raw, admission, admitted }
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<End> {
        // What this turn sends to other sockets is written when it is over.
        let _batch = Batch::begin(&self.inside.place.session);
        let turn = self.turn(task);
        self.inside.count();
        match turn {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Whatever can be done now, until nothing can or others should have their turn.
    fn turn(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        self.inside.place.session.outbox.register(task);
        self.inside.taken = 0;
        while self.inside.taken < TURN {
            self.admit(task)?;
            self.inside.stop_if_told()?;
            let received = self.receive(task)?;
            let ran = self.inside.run(task);
            let sent = self.send(task)?;
            if !(received || ran || sent) {
                return self.inside.watch_clock(task);
            }
        }
        task.waker().wake_by_ref();
        self.inside.watch_clock(task)
    }

    /// Lets the connect hooks go on.
    fn admit(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        if self.inside.admission.is_some() && self.inside.admit(task)? {
            self.inside.place.session.outbox.open(self.transport.direct());
            self.transport.greet();
        }
        Ok(())
    }

    /// Takes what one read brings. Says whether there was anything.
    fn receive(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        let Self { transport, inside } = self;
        if !inside.may_read() {
            return Ok(false);
        }
        let received = transport.poll_receive(task, &mut |received, task| inside.take(received, task));
        inside.watch_assembly(transport.assembling());
        if let Some(end) = inside.end.take() {
            return Err(end);
        }
        match received {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(Broken::Lost)) => Err(End::Over(DisconnectReason::Lost)),
            Poll::Ready(Err(Broken::Violation(disconnect))) => Err(inside.violated(disconnect)),
        }
    }

    /// Moves what waits to the peer. Says whether anything moved.
    fn send(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        match self.inside.place.session.outbox.poll_write(task, &mut self.transport) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(moved)) => Ok(moved),
            Poll::Ready(Err(_)) => Err(End::Over(DisconnectReason::Lost)),
        }
    }
}

impl Inside {
    fn new(place: Place) -> Self {
        let now = Instant::now();
        let limits = &place.application.limits;
        Self {
            heartbeat: Heartbeat::new(limits.ping_interval, limits.ping_timeout, now),
            lanes: Lanes::default(),
            raw: place.route.router.raw().map(|_| RawLane::default()),
            admission: Some(Admission::begin(&place.application, &place.route, &place.socket, now)),
            admitted: 0,
            clock: Box::pin(tokio::time::sleep_until(now)),
            drained_by: None,
            assembly: None,
            taken: 0,
            end: None,
            place,
        }
    }

    /// Whether the connect hooks have accepted just now.
    fn admit(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        let Some(admission) = &mut self.admission else { return Ok(false) };
        let polled = admission.poll(task);
        self.admitted = admission.admitted();
        let Poll::Ready(verdict) = polled else { return Ok(false) };
        verdict.map_err(End::Refused)?;
        self.admission = None;
        self.place.session.accept();
        self.lanes.open();
        if let Some(raw) = &mut self.raw {
            raw.open();
        }
        self.place.count(Counter::Connections);
        tracing::debug!("connected");
        Ok(true)
    }

    /// Ends the connection by the server's will, once what was promised before is done.
    fn stop_if_told(&mut self) -> Result<(), End> {
        let Some(reason) = self.place.session.outbox.ended() else { return Ok(()) };
        if reason != DisconnectReason::Shutdown || self.admission.is_some() || self.is_idle() {
            return Err(End::Over(reason));
        }
        // What was accepted is answered first, within a bound.
        let now = Instant::now();
        if self.drained_by.is_none() {
            self.lanes.end_streams();
            self.place.session.gone.cancel();
        }
        let drained_by = *self.drained_by.get_or_insert(now + self.place.application.limits.drain_timeout);
        if drained_by <= now { Err(End::Over(reason)) } else { Ok(()) }
    }

    /// While the client owes an answer reading goes on, whatever waits and also when the server stops: the answer is
    /// behind the events that wait.
    fn may_read(&self) -> bool {
        let is_asked = self.raw.is_none() && !self.place.session.pending.is_empty();
        is_asked || (self.has_room() && !self.is_stopping())
    }

    fn is_stopping(&self) -> bool {
        self.drained_by.is_some()
    }

    fn has_room(&self) -> bool {
        match &self.raw {
            Some(raw) => raw.has_room(&self.place),
            None => self.lanes.has_room(&self.place),
        }
    }

    fn count(&mut self) {
        self.lanes.count(&self.place);
    }

    fn is_idle(&self) -> bool {
        !self.place.session.owes_answers() && self.lanes.is_idle() && self.raw.as_ref().is_none_or(RawLane::is_idle)
    }

    fn run(&mut self, task: &mut Task<'_>) -> bool {
        match &mut self.raw {
            Some(raw) => raw.poll(&self.place, task),
            None => self.lanes.poll(&self.place, task),
        }
    }

    /// Takes one message or control frame.
    fn take(&mut self, received: Received<'_>, task: &mut Task<'_>) -> Flow {
        self.heartbeat.hear();
        self.taken += 1;
        match (received, &mut self.raw) {
            (Received::Close(close), _) => self.end = Some(End::Over(DisconnectReason::Client(close))),
            (Received::Ping(payload), _) => self.place.session.outbox.push_pong(Encoded::frame(OpCode::Pong, payload)),
            (Received::Pong, _) => {}
            (Received::Text(text), Some(raw)) => raw.take(&self.place, Message::from(text), task),
            (Received::Binary(bytes), Some(raw)) => raw.take(&self.place, Message::from(bytes.to_vec()), task),
            (Received::Text(text), None) => self.take_envelope(text, task),
            (Received::Binary(bytes), None) => match std::str::from_utf8(bytes) {
                Ok(text) => self.take_envelope(text, task),
                Err(_) => self.tell(&Exception::framework("malformed", "the binary frame does not hold UTF-8"), None),
            },
        }
        // What was answered leaves before more is.
        let is_enough = self.taken >= TURN || !self.may_read() || !self.place.session.outbox.is_light();
        if self.end.is_some() || is_enough { Flow::Pause } else { Flow::Continue }
    }

    fn take_envelope(&mut self, text: &str, task: &mut Task<'_>) {
        match decode(text) {
            Ok(Incoming::Event(envelope)) if exceeds_depth(text, self.place.application.limits.json_depth) => {
                Lanes::refuse(
                    &self.place,
                    envelope,
                    &Exception::framework("too_deep", "the data is nested too deeply"),
                );
            }
            Ok(Incoming::Event(envelope)) if self.is_stopping() => {
                Lanes::refuse(&self.place, envelope, &Exception::framework("gone", "the connection ends"));
            }
            Ok(Incoming::Event(envelope)) => self.lanes.take(&self.place, envelope, task),
            Ok(Incoming::Answer { ask, outcome }) => {
                let outcome = outcome.map(Payload::into_owned).map_err(|error| error.get().to_owned());
                // An answer nobody waits for came too late: its question was told to have timed out.
                self.place.session.pending.answer(ask, outcome);
            }
            Ok(Incoming::Cancel(id)) => self.lanes.cancel(&self.place, &id),
            Ok(Incoming::Connect { .. } | Incoming::Disconnect) => {}
            Err(Malformed { why, id }) => self.tell(&Exception::framework("malformed", why), id.as_ref()),
        }
    }

    /// Tells a failure that belongs to no event.
    fn tell(&self, exception: &Exception, id: Option<&RequestId>) {
        self.place.count(Counter::Exceptions);
        told(self.place.socket.id(), "", exception.code(), exception.hidden_text());
        let data = exception.render(None, None, self.place.application.compat.nestjs);
        let delivery = if id.is_some() { Delivery::Answer } else { Delivery::Event };
        let frame = self.place.session.encode(&Outgoing::Exception { data: &data, id });
        // A frame that finds no room is counted by the outbox.
        let _ = self.place.session.push(frame, delivery);
    }

    fn violated(&self, disconnect: Disconnect) -> End {
        self.place.count(Counter::ProtocolErrors);
        End::Over(DisconnectReason::Violation(disconnect))
    }

    fn watch_assembly(&mut self, assembling: Option<u64>) {
        if self.assembly.map(|(message, _)| message) != assembling {
            self.assembly =
                assembling.map(|message| (message, Instant::now() + self.place.application.limits.assembly_timeout));
        }
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
        self.lanes.expire(&self.place, now);
        if let Some(raw) = &mut self.raw {
            raw.expire(&self.place, now);
        }
        if self.assembly.is_some_and(|(_, until)| until <= now) {
            return Err(self.violated(Disconnect::new(CloseCode::POLICY, "message took too long")));
        }
        if !self.may_read() {
            // Its signs of life are there, unread.
            self.heartbeat.hear();
        }
        if self.heartbeat.due() <= now {
            match self.heartbeat.beat(now) {
                Pulse::Quiet => {}
                Pulse::Dead => return Err(End::Over(DisconnectReason::HeartbeatTimeout)),
                // One that finds no room is as good as unanswered.
                Pulse::Ping => drop(self.place.session.push(Encoded::frame(OpCode::Ping, &[]), Delivery::Event)),
            }
        }
        // Another turn sends what this one caused, and sleeps until the next deadline.
        task.waker().wake_by_ref();
        Ok(())
    }

    fn due(&self) -> Instant {
        let admission = self.admission.as_ref().map(Admission::deadline);
        let raw = self.raw.as_ref().and_then(RawLane::deadline);
        let assembly = self.assembly.map(|(_, until)| until);
        let deadlines = [self.lanes.deadline(), raw, admission, assembly, self.drained_by];
        deadlines.into_iter().flatten().fold(self.heartbeat.due(), Instant::min)
    }
}
