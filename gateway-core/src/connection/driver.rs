//! One connection from its handshake to its end, and a message's whole life in between: receive → decode → dispatch →
//! encode → send. One task; nothing here is locked while user code runs.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span};

use crate::connection::application::Application;
use crate::connection::assembly_timeout::AssemblyTimeout;
use crate::connection::clock;
use crate::connection::close::{self, CloseCause, ClosingConnection};
use crate::connection::drain::moment_within;
use crate::connection::formats::packet_limits;
use crate::connection::multiplexed::Multiplexed;
use crate::connection::scheduler::rate_limit::{TokenBucket, per_second};
use crate::connection::single::Single;
use crate::connection::socket_driver::{NewSocket, ResumeToken, SocketDriver};
use crate::connection::sockets::Sockets;
use crate::connection::takeover::{Returning, Takeover, may_be_elsewhere};
use crate::gateway::Route;
use crate::handler::SocketGrants;
use crate::metrics::Counter;
use crate::protocol::{ClientMessage, CloseCode, Codec, Disconnect, Flow, ReceivedMessage, WireFormat};
use crate::session::{Batch, DisconnectReason, Heartbeat, HeartbeatConfig, ReceivedKind};
use crate::transport::{Broken, Handshake, Transport};

/// Maximum frames per turn; their answers leave in one write.
const TURN: usize = 32;

/// Namespaces that a connection is for.
#[derive(Debug)]
pub(crate) enum ConnectionScope {
    /// One namespace; its socket ends with the connection.
    Namespace(AdmittedNamespace),
    /// Namespaces that the client requests, the first of them within this time.
    Multiplexed(Duration),
}

/// A namespace whose guards have allowed the request.
#[derive(Debug)]
pub(crate) struct AdmittedNamespace {
    pub(crate) route: Arc<Route>,
    /// Concrete name.
    pub(crate) name: String,
    /// Grants of those guards; `None` without guards.
    pub(crate) grants: Option<Arc<SocketGrants>>,
}

impl ConnectionScope {
    /// Returns `true` if whole messages are served, without envelopes.
    pub(crate) fn is_raw(&self) -> bool {
        match self {
            Self::Namespace(namespace) => namespace.route.router.raw().is_some(),
            Self::Multiplexed(_) => false,
        }
    }
}

/// Format and heartbeat of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionConfig {
    pub(crate) format: WireFormat,
    pub(crate) heartbeat_config: HeartbeatConfig,
}

pub(crate) struct Connection<T> {
    transport: T,
    /// Number of bytes already counted, if measured.
    metered: u64,
    inside: ConnectionState,
}

/// State of a connection without its transport.
pub(super) struct ConnectionState {
    pub(super) application: Arc<Application>,
    pub(super) codec: Codec,
    pub(super) sockets: Sockets,
    pub(super) heartbeat: Heartbeat,
    pub(super) clock: Pin<Box<Sleep>>,
    /// End of the connection's lifetime, if limited.
    pub(super) lives_until: Option<Instant>,
    pub(super) assembly_timeout: AssemblyTimeout,
    /// Deadline of a queued burst.
    pub(super) leaves_by: Option<Instant>,
    /// Number of received bytes at the last heartbeat check.
    pub(super) heard_of: u64,
    /// Rate limit of the client's pings.
    pings: TokenBucket,
    /// Number of messages of this turn.
    taken: usize,
    /// Set by a message that ends the connection.
    end: Option<CloseCause>,
}

/// Serves a client until it disconnects. The state created here is all an idle connection holds, so it is created before
/// the future; state needed for the end is created at the end.
pub(crate) fn serve<T: Transport>(
    transport: T,
    application: Arc<Application>,
    entry: ConnectionScope,
    handshake: Handshake,
    config: ConnectionConfig,
) -> impl Future<Output = ()> + Send + 'static {
    if let Some(returning) = returning(&application, &entry, &handshake, config.format) {
        // The look-up is rare, so it holds no space in other connections.
        let resuming = Box::pin(async move {
            let takeover = returning.look_up().await;
            let state = ConnectionState::new(application, entry, handshake, config, takeover);
            begin(transport, state).await;
        });
        return ConnectionFuture::Ending(resuming).instrument(Span::none());
    }
    begin(transport, ConnectionState::new(application, entry, handshake, config, Takeover::Here))
}

fn begin<T: Transport>(transport: T, mut inside: ConnectionState) -> Instrumented<ConnectionFuture<T>> {
    inside.sockets.attach_writer(&transport);
    if let (Some(answers), Some(session)) = (transport.answers(), inside.sockets.only_session()) {
        session.answer_to(answers);
    }
    let span = inside.sockets.span();
    ConnectionFuture::Going(Connection { transport, metered: 0, inside }).instrument(span)
}

/// The client of a plain connection whose session may be on another node of the cluster.
fn returning(
    application: &Arc<Application>,
    entry: &ConnectionScope,
    handshake: &Handshake,
    format: WireFormat,
) -> Option<Returning> {
    let ConnectionScope::Namespace(AdmittedNamespace { name, .. }) = entry else { return None };
    let resume_token = token_of(handshake, format).filter(|_| may_be_elsewhere(application))?;
    let (application, handshake, namespace) = (Arc::clone(application), handshake.clone(), name.clone());
    Some(Returning { application, namespace, handshake, format, resume_token })
}

/// The token of a plain connection's client.
fn token_of(handshake: &Handshake, format: WireFormat) -> Option<ResumeToken> {
    let numbered = Some(handshake).filter(|_| format.numbers_events());
    numbered.and_then(|handshake| ResumeToken::from_request(handshake, format))
}

/// A connection as a future. Written by hand because an `async fn` would reserve memory for the connection in each state.
#[allow(clippy::large_enum_variant, reason = "a connection spends its life in the large one")]
enum ConnectionFuture<T> {
    Going(Connection<T>),
    Ending(Pin<Box<dyn Future<Output = ()> + Send>>),
    Over,
}

impl<T: Transport> Future for ConnectionFuture<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if let Self::Going(connection) = &mut *self {
            let end = ready!(connection.poll(task));
            if let Self::Going(connection) = std::mem::replace(&mut *self, Self::Over) {
                *self = Self::Ending(Box::pin(close::finish(connection.remains(), end)));
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
    fn remains(self) -> ClosingConnection<T> {
        let Self { transport, inside: ConnectionState { application, codec, sockets, .. }, .. } = self;
        ClosingConnection { transport, application, format: codec.format(), sockets }
    }

    fn poll(&mut self, task: &mut Task<'_>) -> Poll<CloseCause> {
        // Frames that this turn sends to other sockets are written at its end.
        let _batch = Batch::begin(self.inside.sockets.only_session());
        let turn = self.turn(task);
        self.inside.sockets.count();
        if let Some(meter) = self.inside.application.telemetry.wire() {
            let received = self.transport.received();
            meter.receive(received - std::mem::replace(&mut self.metered, received));
        }
        match turn {
            Ok(()) => Poll::Pending,
            Err(end) => Poll::Ready(end),
        }
    }

    /// Runs one turn: all work that is ready, up to a limit.
    fn turn(&mut self, task: &mut Task<'_>) -> Result<(), CloseCause> {
        self.inside.sockets.register(task);
        self.inside.taken = 0;
        while self.inside.taken < TURN {
            self.inside.sockets.connect(task, &mut self.transport)?;
            self.inside.sockets.stop_if_told(&self.inside.application)?;
            let received = self.receive(task)?;
            let ran = self.inside.sockets.run(task);
            clock::end_if_silent(&mut self.inside, &self.transport)?;
            let sent = self.send(task)?;
            if !(received || ran || sent) {
                return clock::watch(&mut self.inside, task, &self.transport);
            }
        }
        task.waker().wake_by_ref();
        clock::watch(&mut self.inside, task, &self.transport)
    }

    /// Receives the messages of one read. Returns `true` if there were any.
    fn receive(&mut self, task: &mut Task<'_>) -> Result<bool, CloseCause> {
        let Self { transport, inside, .. } = self;
        if !inside.sockets.has_room() || inside.sockets.holds_back() {
            transport.absorb(task);
            return Ok(false);
        }
        let received = transport.poll_receive(task, &mut |received, task| inside.receive(received, task));
        inside.watch_assembly(transport.assembling());
        inside.sockets.attach_writer(transport);
        if let Some(end) = inside.end.take() {
            return Err(end);
        }
        match received {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(())) => Ok(true),
            Poll::Ready(Err(Broken::Lost)) => Err(CloseCause::Over(DisconnectReason::Lost)),
            Poll::Ready(Err(Broken::HalfClosed)) => {
                inside.sockets.half_close();
                Ok(true)
            }
            Poll::Ready(Err(Broken::Aborted)) => Err(CloseCause::Over(DisconnectReason::Aborted)),
            Poll::Ready(Err(Broken::Violation(disconnect))) => Err(inside.violated(disconnect)),
        }
    }

    /// Writes queued frames to the peer. Returns `true` if any bytes were written.
    fn send(&mut self, task: &mut Task<'_>) -> Result<bool, CloseCause> {
        match self.inside.sockets.poll_write(task, &mut self.transport) {
            Poll::Pending => {
                clock::watch_burst(&mut self.inside)?;
                Ok(false)
            }
            Poll::Ready(Ok(moved)) => {
                self.inside.leaves_by = None;
                Ok(moved)
            }
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {
                Err(CloseCause::Over(DisconnectReason::Aborted))
            }
            Poll::Ready(Err(_)) => Err(CloseCause::Over(DisconnectReason::Lost)),
        }
    }
}

impl ConnectionState {
    fn new(
        application: Arc<Application>,
        entry: ConnectionScope,
        handshake: Handshake,
        config: ConnectionConfig,
        takeover: Takeover,
    ) -> Self {
        let now = Instant::now();
        let codec = Codec::new(config.format, application.hub.custom_format.get(), packet_limits(&application.limits));
        let sockets = match entry {
            ConnectionScope::Namespace(AdmittedNamespace { route, name, grants }) => {
                let (format, resume_token) = (config.format, token_of(&handshake, config.format));
                let new_socket = NewSocket { route, name: &name, handshake, format, resume_token, takeover, grants };
                Sockets::Single(Single::new(SocketDriver::new(&application, new_socket, Vec::new())))
            }
            ConnectionScope::Multiplexed(within) => {
                Sockets::Multiplexed(Multiplexed::new(&application, config.format, handshake, now + within))
            }
        };
        let lives = application.limits.connection_lifetime;
        Self {
            lives_until: lives.map(|lives| now + lives + moment_within(lives / 10)),
            heartbeat: Heartbeat::new(config.heartbeat_config, application.limits.transfer_timeout, now),
            application,
            codec,
            sockets,
            clock: Box::pin(tokio::time::sleep_until(now)),
            assembly_timeout: AssemblyTimeout::default(),
            leaves_by: None,
            heard_of: 0,
            pings: TokenBucket::full(now),
            taken: 0,
            end: None,
        }
    }

    /// Handles one message or control frame.
    fn receive(&mut self, received: ReceivedMessage<'_>, task: &mut Task<'_>) -> Flow {
        let sign = || {
            (
                if matches!(received, ReceivedMessage::Pong) { ReceivedKind::Pong } else { ReceivedKind::Other },
                Instant::now(),
            )
        };
        if let Some(took) = self.heartbeat.hear(sign) {
            self.application.telemetry.wire().inspect(|meter| meter.round_trips.observe(took));
        }
        self.taken += 1;
        let message = match received {
            ReceivedMessage::Text(text) => Some(ClientMessage::Text(text)),
            ReceivedMessage::Binary(bytes) => Some(ClientMessage::Binary(bytes)),
            ReceivedMessage::Ping(payload) => {
                self.receive_ping(payload);
                None
            }
            ReceivedMessage::Pong => None,
            ReceivedMessage::Close(close) => {
                self.end = Some(CloseCause::Over(DisconnectReason::Client(close)));
                None
            }
        };
        // Called from one place, so that it is compiled into the turn.
        if let Some(message) = message {
            self.receive_message(message, task);
        }
        // Answers are written before further messages are handled.
        let is_enough = self.taken >= TURN || !self.sockets.may_read();
        if self.end.is_some() || is_enough { Flow::Pause } else { Flow::Continue }
    }

    fn receive_ping(&mut self, payload: &[u8]) {
        if let Some(most) = self.application.limits.pings_per_second
            && self.pings.acquire(per_second(most), Instant::now()).is_err()
        {
            self.end = Some(self.violated(Disconnect::new(CloseCode::POLICY, "too many pings")));
            return;
        }
        self.sockets.outbox().push_pong(self.codec.format().pong(payload));
    }

    /// Handles a whole message.
    #[inline]
    fn receive_message(&mut self, message: ClientMessage<'_>, task: &mut Task<'_>) {
        if let Err(violation) = self.sockets.receive(&mut self.codec, message, task) {
            self.application.telemetry.counters.add(Counter::ProtocolErrors);
            self.end = Some(CloseCause::Over(DisconnectReason::Malformed(violation.why)));
        }
    }

    fn violated(&self, disconnect: Disconnect) -> CloseCause {
        self.application.telemetry.counters.add(Counter::ProtocolErrors);
        CloseCause::Over(DisconnectReason::Violation(disconnect))
    }

    /// `message` is the number of the message that the transport is assembling.
    fn watch_assembly(&mut self, message: Option<u64>) {
        let packet = self.codec.assembling();
        self.assembly_timeout.watch(message, packet, self.application.limits.assembly_timeout);
    }
}
