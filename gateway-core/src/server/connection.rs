//! One connection from its handshake to its end, and a message's whole life in between: receive → decode → dispatch →
//! encode → send. One task; nothing here is locked while user code runs.

mod clock;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tracing::Instrument;

use crate::gateway::Found;
use crate::server::application::Application;
use crate::server::drain::moment_within;
use crate::server::ending::{self, End, Remains};
use crate::server::lobby::Lobby;
use crate::server::rates::{Bucket, per_second};
use crate::server::seat::{Claim, Seat, Seating};
use crate::server::seats::Seats;
use crate::server::unfinished::Unfinished;
use crate::session::{Batch, DisconnectReason, Heartbeat, Outbox, Pace, Scope, Sign};
use crate::telemetry::{Caller, Counter, connection_span, lobby_span};
use crate::transport::{Broken, Handshake, Transport};
use crate::wire::{
    ClientMessage, CloseCode, Disconnect, Encoded, Flow, Incoming, OpCode, Received, TraceParent, WireFormat, decode,
};

/// Frames read before others get their turn; what they answer leaves in one write.
const TURN: usize = 32;

/// Whom a connection is for.
#[derive(Debug)]
pub(crate) enum Entry {
    /// One namespace: it ends with its connection.
    Namespace(Found),
    /// Whichever namespaces the client asks for, the first of them within this time.
    Lobby(Duration),
}

/// How a connection speaks and is kept alive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    pub(crate) format: WireFormat,
    pub(crate) pace: Pace,
}

pub(crate) struct Connection<T> {
    transport: T,
    /// Bytes of it that were counted, where they are.
    metered: u64,
    inside: Inside,
}

/// Everything of a connection but its transport, which lends messages to it.
struct Inside {
    application: Arc<Application>,
    format: WireFormat,
    seats: Seats,
    /// Present where namespaces come and go.
    lobby: Option<Box<Lobby>>,
    heartbeat: Heartbeat,
    clock: Pin<Box<Sleep>>,
    /// When the connection has had its time, where that is bounded.
    lives_until: Option<Instant>,
    unfinished: Unfinished,
    /// Until when no more may wait than the bounds, where a burst has not left.
    leaves_by: Option<Instant>,
    /// Bytes that had come when the heartbeat looked last.
    heard_of: u64,
    /// Those that the client may still send.
    pings: Bucket,
    /// Messages taken in this turn.
    taken: usize,
    /// Set by a message that ends the connection.
    end: Option<End>,
}

/// Serves one client until it is gone. What is made here is all that a connection holds while nothing happens, so it is
/// made before the future and not inside it, and what an end needs is made at the end.
pub(crate) fn serve<T: Transport>(
    transport: T,
    application: Arc<Application>,
    entry: Entry,
    handshake: Handshake,
    manner: Manner,
) -> impl Future<Output = ()> + Send + 'static {
    let mut inside = Inside::new(application, entry, handshake, manner);
    inside.lend(&transport);
    let span = inside.span();
    Life::Going(Connection { transport, metered: 0, inside }).instrument(span)
}

/// A connection's life as one future. By hand: an `async fn` would keep a place for the connection in each of its states.
#[allow(clippy::large_enum_variant, reason = "a connection spends its life in the large one")]
enum Life<T> {
    Going(Connection<T>),
    Ending(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl<T: Transport> Future for Life<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if let Self::Going(connection) = &mut *self {
            let end = ready!(connection.poll(task));
            if let Self::Going(connection) = std::mem::replace(&mut *self, Self::Over) {
                *self = Self::Ending(Box::pin(ending::finish(connection.remains(), end)));
            }
        }
        if let Self::Ending(finish) = &mut *self {
            ready!(finish.as_mut().poll(task));
            *self = Self::Over;
        }
        Poll::Ready(())
    }
}

impl<T: Transport> Connection<T> {
    fn remains(self) -> Remains<T> {
        let Self { transport, inside: Inside { application, seats, lobby, .. }, .. } = self;
        Remains { transport, application, seats, lobby }
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<End> {
        // What this turn sends to other sockets is written when it is over.
        let _batch = Batch::begin(self.inside.seats.only().map(Seat::session));
        let turn = self.turn(task);
        self.inside.seats.each(Seat::count);
        if let Some(meter) = self.inside.application.shared.counters.wire() {
            let received = self.transport.received();
            meter.receive(received - std::mem::replace(&mut self.metered, received));
        }
        match turn {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Whatever can be done now, until nothing can or others should have their turn.
    fn turn(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        self.inside.register(task);
        self.inside.taken = 0;
        while self.inside.taken < TURN {
            self.admit(task)?;
            self.inside.stop_if_told()?;
            let received = self.receive(task)?;
            let ran = self.inside.run(task);
            self.inside.end_if_silent(&self.transport)?;
            let sent = self.send(task)?;
            if !(received || ran || sent) {
                return self.inside.watch_clock(task, &self.transport);
            }
        }
        task.waker().wake_by_ref();
        self.inside.watch_clock(task, &self.transport)
    }

    /// Lets the connect hooks go on.
    fn admit(&mut self, task: &mut Task<'_>) -> Result<(), End> {
        if self.inside.seats.all(|seat| seat.admission.is_none()) {
            return Ok(());
        }
        let Self { transport, inside, .. } = self;
        let mut refused = Vec::new();
        for seat in inside.seats.iter_mut().filter(|seat| seat.admission.is_some()) {
            // It may have been taken in this very turn, which registered those that were there at its start.
            seat.session().outbox.register(task);
            match seat.admit(task) {
                Ok(false) => {}
                Ok(true) => {
                    seat.open();
                    if let Some(lobby) = &mut inside.lobby {
                        lobby.desk.claimed();
                    }
                    transport.greet();
                    if let Some(listener) = transport.listener() {
                        seat.session().outbox.ask_before_volatile(listener);
                    }
                }
                Err(refusal) => refused.push((Arc::clone(&seat.session().namespace), refusal)),
            }
        }
        for (namespace, refusal) in refused {
            let Some(lobby) = &mut inside.lobby else { return Err(End::Refused(refusal)) };
            lobby.desk.refuse(&mut inside.seats, &namespace, &refusal);
        }
        inside.lend(transport);
        Ok(())
    }

    /// Takes what one read brings. Says whether there was anything.
    fn receive(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        let Self { transport, inside, .. } = self;
        if !inside.has_room() || inside.holds_back() {
            return Ok(false);
        }
        let received = transport.poll_receive(task, &mut |received, task| inside.take(received, task));
        inside.watch_assembly(transport.assembling());
        inside.lend(transport);
        if let Some(end) = inside.end.take() {
            return Err(end);
        }
        match received {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(Broken::Lost)) => Err(End::Over(DisconnectReason::Lost)),
            Poll::Ready(Err(Broken::Aborted)) => Err(End::Over(DisconnectReason::Aborted)),
            Poll::Ready(Err(Broken::Violation(disconnect))) => Err(inside.violated(disconnect)),
        }
    }

    /// Moves what waits to the peer. Says whether anything moved.
    fn send(&mut self, task: &mut Task<'_>) -> Result<bool, End> {
        let Inside { seats, lobby, .. } = &self.inside;
        let written = match (lobby, seats.only()) {
            (None, Some(seat)) => seat.session().outbox.poll_write(task, &mut self.transport),
            (None, None) => Poll::Pending,
            // While its frames are all there are.
            (Some(_), Some(seat)) if seats.is_lent() => seat.session().outbox.poll_write(task, &mut self.transport),
            (Some(lobby), _) => lobby.desk.poll_write(seats, task, &mut self.transport),
        };
        match written {
            Poll::Pending => {
                self.inside.watch_burst()?;
                Ok(false)
            }
            Poll::Ready(Ok(moved)) => {
                self.inside.leaves_by = None;
                Ok(moved)
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {
                Err(End::Over(DisconnectReason::Aborted))
            }
            Poll::Ready(Err(_)) => Err(End::Over(DisconnectReason::Lost)),
        }
    }
}

impl Inside {
    fn new(application: Arc<Application>, entry: Entry, handshake: Handshake, manner: Manner) -> Self {
        let now = Instant::now();
        let (seats, lobby) = match entry {
            Entry::Namespace(Found { route, name, passes, .. }) => {
                let claim = Some(&handshake).filter(|_| manner.format.numbers_events()).and_then(Claim::of_request);
                let seating = Seating { route, name: &name, handshake, format: manner.format, claim, passes };
                (Seats::one(Seat::take(&application, seating, Vec::new())), None)
            }
            Entry::Lobby(within) => {
                (Seats::default(), Some(Lobby::open(&application, manner.format, handshake, now + within)))
            }
        };
        let lives = application.limits.connection_lifetime;
        Self {
            lives_until: lives.map(|lives| now + lives + moment_within(lives / 10)),
            heartbeat: Heartbeat::new(manner.pace, application.limits.transfer_timeout, now),
            application,
            format: manner.format,
            seats,
            lobby,
            clock: Box::pin(tokio::time::sleep_until(now)),
            unfinished: Unfinished::default(),
            leaves_by: None,
            heard_of: 0,
            pings: Bucket::full(now),
            taken: 0,
            end: None,
        }
    }

    fn span(&self) -> tracing::Span {
        let spanned = |handshake: &Handshake, span: &dyn Fn(Caller<'_>) -> tracing::Span| {
            let traceparent = handshake.traceparent();
            span(Caller { peer: handshake.peer(), traceparent: traceparent.as_ref().map(TraceParent::as_str) })
        };
        match (&self.lobby, self.seats.only()) {
            (Some(lobby), _) => spanned(lobby.desk.handshake(), &lobby_span),
            (None, Some(seat)) => {
                let socket = &seat.place.socket;
                let span = |caller: Caller<'_>| connection_span(socket.id(), &seat.session().namespace, caller);
                spanned(socket.handshake(), &span)
            }
            (None, None) => tracing::Span::none(),
        }
    }

    /// Tells senders what the transport can do: whether it takes compressed messages, and whether they may write straight
    /// to it, as soon as it can be done.
    #[inline]
    fn lend<T: Transport>(&mut self, transport: &T) {
        if self.seats.is_lent() {
            return;
        }
        if let Some(how) = transport.deflating() {
            self.seats.each(|seat| seat.session().outbox.deflate(how));
        }
        if self.lobby.as_ref().is_none_or(|lobby| lobby.desk.is_empty()) {
            self.seats.lend(|| transport.direct());
        }
    }

    fn register(&self, task: &Task<'_>) {
        let _ = self.seats.all(|seat| {
            seat.session().outbox.register(task);
            true
        });
    }

    /// Ends what is to end by the server's will, once what was promised before is done.
    fn stop_if_told(&mut self) -> Result<(), End> {
        let is_told = self.seats.any(|seat| seat.session().outbox.is_ending())
            || self.lobby.as_ref().is_some_and(|lobby| lobby.desk.is_ending());
        if is_told || self.seats.is_empty() { self.stop() } else { Ok(()) }
    }

    fn stop(&mut self) -> Result<(), End> {
        if let Some(reason) = self.lobby.as_ref().and_then(|lobby| lobby.desk.ended()) {
            return Err(End::Over(reason));
        }
        let mut told = None;
        for seat in self.seats.iter_mut() {
            match (seat.told_to_end(), &self.lobby) {
                (None, _) => {}
                (Some((reason, _)), None) | (Some((reason, Scope::Connection)), Some(_)) => {
                    return Err(End::Over(reason));
                }
                (Some((reason, Scope::Socket)), Some(_)) => {
                    told = Some((Arc::clone(&seat.session().namespace), reason));
                    break;
                }
            }
        }
        if let (Some((namespace, reason)), Some(lobby)) = (told, &mut self.lobby) {
            lobby.desk.leave(&mut self.seats, &namespace, reason);
            return self.stop();
        }
        let is_vacant = self.seats.is_empty() && self.application.shared.is_stopping();
        if is_vacant { Err(End::Over(DisconnectReason::Shutdown)) } else { Ok(()) }
    }

    /// Reading stops where much waits to leave, whatever it is, and where events wait for their turn.
    #[inline]
    fn may_read(&self) -> bool {
        // Nearly all connections, after each message.
        if let (Some(only), None) = (self.seats.only(), &self.lobby) {
            return only.session().outbox.is_light() && only.may_read();
        }
        self.is_light() && self.has_room()
    }

    /// While the client owes an answer reading goes on, whatever waits and also when the server stops: the answer is
    /// behind the events that wait.
    #[inline]
    fn has_room(&self) -> bool {
        let events = self.seats.all(Seat::takes_events) || self.seats.any(Seat::is_asking);
        events && self.lobby.as_ref().is_none_or(|lobby| lobby.desk.has_room())
    }

    #[inline]
    fn is_light(&self) -> bool {
        self.seats.all(|seat| seat.session().outbox.is_light())
            && self.lobby.as_ref().is_none_or(|lobby| lobby.desk.is_light())
    }

    /// Whether what was answered is to leave before more is read; this task is woken once it has.
    fn holds_back(&self) -> bool {
        self.seats.any(|seat| seat.session().outbox.holds_back())
            || self.lobby.as_ref().is_some_and(|lobby| lobby.desk.holds_back())
    }

    fn run(&mut self, task: &mut Task<'_>) -> bool {
        let mut ran = false;
        self.seats.each(|seat| ran |= seat.run(task));
        let has_left = self.lobby.as_mut().is_some_and(|lobby| lobby.desk.poll(self.seats.is_empty(), task));
        ran | has_left
    }

    /// Takes one message or control frame.
    fn take(&mut self, received: Received<'_>, task: &mut Task<'_>) -> Flow {
        let sign = || (if matches!(received, Received::Pong) { Sign::Pong } else { Sign::Other }, Instant::now());
        if let Some(took) = self.heartbeat.hear(sign) {
            self.application.shared.counters.wire().inspect(|meter| meter.round_trips.observe(took));
        }
        self.taken += 1;
        match received {
            Received::Close(close) => self.end = Some(End::Over(DisconnectReason::Client(close))),
            Received::Ping(payload) => self.take_ping(payload),
            Received::Pong => {}
            Received::Text(text) if self.lobby.is_some() => self.take_packet(Part::Text(text), task),
            Received::Binary(bytes) if self.lobby.is_some() => self.take_packet(Part::Binary(bytes), task),
            Received::Text(text) => self.take_text(text, task),
            Received::Binary(bytes) => self.take_binary(bytes, task),
        }
        // What was answered leaves before more is.
        let is_enough = self.taken >= TURN || !self.may_read();
        if self.end.is_some() || is_enough { Flow::Pause } else { Flow::Continue }
    }

    fn take_ping(&mut self, payload: &[u8]) {
        if let Some(most) = self.application.limits.pings_per_second
            && self.pings.take(per_second(most), Instant::now()).is_err()
        {
            self.end = Some(self.violated(Disconnect::new(CloseCode::POLICY, "too many pings")));
            return;
        }
        self.outbox().push_pong(Encoded::frame(OpCode::Pong, payload));
    }

    fn take_text(&mut self, text: &str, task: &mut Task<'_>) {
        let Some(seat) = self.seats.only_mut() else { return };
        if seat.raw.is_some() {
            return seat.take_message(text, task);
        }
        if self.format != WireFormat::Plain {
            return seat.take_envelope(self.format, ClientMessage::Text(text), task);
        }
        match decode(text) {
            Ok(incoming) => seat.take_incoming(incoming, task),
            Err(malformed) => seat.tell_malformed(malformed),
        }
    }

    fn take_binary(&mut self, bytes: &[u8], task: &mut Task<'_>) {
        let Some(seat) = self.seats.only_mut() else { return };
        if seat.raw.is_some() {
            return seat.take_message(bytes.to_vec(), task);
        }
        seat.take_envelope(self.format, ClientMessage::Binary(bytes), task);
    }

    /// Takes one part of a packet that names its namespace.
    fn take_packet(&mut self, part: Part<'_>, task: &mut Task<'_>) {
        let Self { seats, lobby, end, application, .. } = self;
        let Some(lobby) = lobby else { return };
        let Lobby { decoder, desk } = &mut **lobby;
        let mut taken = Ok(());
        let mut deliver = |namespace: &str, incoming: Incoming<'_>| taken = desk.take(seats, namespace, incoming, task);
        let read = match part {
            Part::Text(text) => decoder.text(text, &mut deliver),
            Part::Binary(bytes) => decoder.binary(bytes, &mut deliver),
        };
        if let Err(violation) = read.and(taken) {
            application.shared.counters.add(Counter::ProtocolErrors);
            *end = Some(End::Over(DisconnectReason::Malformed(violation.why)));
        }
    }

    /// Where control frames go.
    fn outbox(&self) -> &Outbox {
        match (&self.lobby, self.seats.only()) {
            (None, Some(seat)) => &seat.session().outbox,
            (Some(lobby), _) => lobby.desk.outbox(&self.seats),
            (None, None) => unreachable!("a connection without a lobby has its one seat until it ends"),
        }
    }

    fn violated(&self, disconnect: Disconnect) -> End {
        self.application.shared.counters.add(Counter::ProtocolErrors);
        End::Over(DisconnectReason::Violation(disconnect))
    }

    /// `message` is the one whose fragments the transport puts together.
    fn watch_assembly(&mut self, message: Option<u64>) {
        let packet = self.lobby.as_ref().and_then(|lobby| lobby.decoder.assembling());
        self.unfinished.watch(message, packet, self.application.limits.assembly_timeout);
    }
}

/// One message of a packet.
#[derive(Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
}
