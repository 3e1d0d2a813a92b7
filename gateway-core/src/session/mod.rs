//! A client's session: its id, its outbox, pending requests, and values that user code stores with it. Knows no rooms and
//! no other session but the one that its client resumes.

mod batch;
mod disconnect_reason;
mod emit;
mod heartbeat;
mod id;
mod logged_delivery;
mod logged_event;
#[cfg(all(test, shuttle))]
mod model;
mod outbox;
mod pending_acks;
mod recovery;
mod replay;
mod room_guard;
mod state;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use batch::{Batch, burst_to, for_each, write_all_soon};
pub(crate) use heartbeat::{ByteActivity, Heartbeat, HeartbeatAction, HeartbeatConfig, PingMode, ReceivedKind};
pub(crate) use id::ById;
pub use id::SocketId;
pub(crate) use recovery::SessionRecovery;
pub(crate) use room_guard::{GuardDecision, RoomGuard};

pub use disconnect_reason::DisconnectReason;
pub(crate) use emit::{EmitMode, UnloggedEvent, VolatileText};
pub(crate) use logged_delivery::LoggedDelivery;
pub(crate) use logged_event::LoggedEvent;
pub use outbox::SendError;
pub(crate) use outbox::{BurstFrames, Delivery, JoinedBurst, Leaves, Outbox, Pushed, Scope};
pub(crate) use pending_acks::{AckResult, PendingAcks};
pub use replay::Recovery;
pub(crate) use replay::{NextOffset, Offset, Offsets};
pub(crate) use state::{SharedState, TypeMap};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;
use crate::metrics::{Counter, Telemetry, TestLog};
use crate::protocol::event_stream::{is_answer, with_event_id};
use crate::protocol::{
    Compress, ContentRef, Disconnect, EncodeContext, Encoded, Key, MessageFormat, Outgoing, SharedEvent, WireFormat,
};
use crate::session::outbox::{AlreadyResumed, RecoveryEnd};
use crate::sync::lock;
use crate::transport::{Answers, Handshake};

/// State of a client inside the server. May outlive a connection.
pub(crate) struct Session {
    pub(crate) id: SocketId,
    /// The concrete name of its namespace.
    pub(crate) namespace: Arc<str>,
    pub(crate) handshake: Handshake,
    pub(crate) format: WireFormat,
    pub(crate) telemetry: Arc<Telemetry>,
    pub(crate) outbox: Outbox,
    /// Log of the client's messages, kept in tests.
    pub(crate) test_log: TestLog,
    pub(crate) pending: PendingAcks,
    pub(crate) state: SharedState,
    pub(crate) request_timeout: Duration,
    /// Maximum number of rooms.
    pub(crate) rooms: usize,
    /// Present if answers to requests go to the POSTs that asked, and not to the connection.
    answers: OnceLock<Arc<Answers>>,
    /// Present if the client can resume after a lost connection.
    pub(crate) recovery: Option<Box<SessionRecovery>>,
    /// Number of accepted requests that are answered later.
    owed: AtomicUsize,
    /// The application's own format, if any.
    own: Option<&'static dyn MessageFormat>,
    /// Set once the connect hooks have accepted.
    accepted: AtomicBool,
    /// Values that guards granted to the session; present if its namespace has guards.
    pub(crate) granted: OnceLock<Arc<TypeMap>>,
    /// Check before joining a room; present if the namespace has room guards.
    pub(crate) room_guard: OnceLock<RoomGuard>,
    /// Cancelled when the client has left or is being disconnected.
    pub(crate) gone: CancellationToken,
    /// Cancelled when the disconnect hooks have ended; created by the first waiter. `None` if they ended without a waiter.
    ended: OnceLock<Option<CancellationToken>>,
}

impl Session {
    pub(crate) fn new(
        namespace: &Arc<str>,
        handshake: Handshake,
        format: WireFormat,
        limits: &Limits,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        Self {
            id: SocketId::random(),
            namespace: Arc::clone(namespace),
            handshake,
            format,
            telemetry: Arc::clone(telemetry),
            outbox: Outbox::new(format, limits, telemetry),
            test_log: TestLog::current(),
            pending: PendingAcks::new(limits.pending_requests),
            state: SharedState::default(),
            request_timeout: limits.request_timeout,
            rooms: limits.rooms_per_socket,
            answers: OnceLock::new(),
            recovery: None,
            owed: AtomicUsize::new(0),
            own: None,
            accepted: AtomicBool::new(false),
            granted: OnceLock::new(),
            room_guard: OnceLock::new(),
            gone: CancellationToken::new(),
            ended: OnceLock::new(),
        }
    }
}

impl Session {
    /// Sets the application's own format.
    pub(crate) fn with_custom_format(self, own: Option<&'static dyn MessageFormat>) -> Self {
        Self { own, ..self }
    }

    fn encode_context(&self) -> EncodeContext<'_> {
        EncodeContext { namespace: &self.namespace, own: self.own }
    }

    /// Encodes a message in this client's format.
    pub(crate) fn encode(&self, outgoing: &Outgoing<'_>) -> Encoded {
        self.format.encode(self.encode_context(), outgoing)
    }

    /// Key that the client names to resume after a lost connection.
    pub(crate) fn recovery_key(&self) -> Option<&SocketId> {
        self.recovery.as_ref().map(|recovery| &recovery.key)
    }

    /// Message that tells the client that it was accepted.
    pub(crate) fn greeting(&self) -> Encoded {
        let (recovery, recovered) = (self.recovery_key().map(SocketId::as_str), self.is_recovered());
        self.encode(&Outgoing::Connected { id: self.id.as_str(), recovery, recovered })
    }

    /// Queues one frame, to be written at the end of the sender's batch.
    pub(crate) fn push(self: &Arc<Self>, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if frame.is_nothing() {
            return Ok(());
        }
        if let Some(answers) = self.answers_of(&frame) {
            answers.deliver(frame.as_slice());
            return Ok(());
        }
        let pushed = self.outbox.push(self.outbox.ready(frame), delivery)?;
        self.write_after(pushed);
        Ok(())
    }

    /// Schedules a write at the end of the sender's batch, if `pushed` requires one.
    pub(crate) fn write_after(self: &Arc<Self>, pushed: Pushed) {
        if pushed == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
    }

    /// Queues an answer. If the answer is an event to its client, it is kept for recovery.
    pub(crate) fn answer(self: &Arc<Self>, outgoing: &Outgoing<'_>, delivery: Delivery) -> Result<(), SendError> {
        let Some(offset) = self.number(outgoing) else { return UnloggedEvent::answer(self, outgoing, delivery) };
        let [event, other] = self.encode_numbered(outgoing, offset);
        self.push_event(event, offset)?;
        self.push(other, delivery)
    }

    /// Queues one frame, or returns the frame if it does not fit yet. A frame with an offset is kept for recovery.
    pub(crate) fn offer(
        self: &Arc<Self>,
        frame: Encoded,
        delivery: Delivery,
        offset: Option<Offset>,
    ) -> Result<(), Encoded> {
        if frame.is_nothing() {
            return Ok(());
        }
        if let Some(answers) = self.answers_of(&frame) {
            return if answers.offer(frame.as_slice()) { Ok(()) } else { Err(frame) };
        }
        if self.outbox.offer(frame, delivery, offset)? == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
        Ok(())
    }

    /// Sends the answers to requests there from now on.
    pub(crate) fn answer_to(&self, answers: Arc<Answers>) {
        // A session has one connection.
        let _ = self.answers.set(answers);
    }

    /// Ends the requests that are still waiting, after the session's last handler.
    pub(crate) fn end_answers(&self) {
        if let Some(answers) = self.answers.get() {
            answers.end();
        }
    }

    /// The way of a frame that is the answer to a request, where it is another than the outbox.
    fn answers_of(&self, frame: &Encoded) -> Option<&Arc<Answers>> {
        if self.format != WireFormat::EventStream || !is_answer(frame.as_slice()) {
            return None;
        }
        self.answers.get()
    }

    /// Adds the id of an event, in the format whose ids name the session too.
    pub(crate) fn identified(&self, frame: Encoded, offset: Offset) -> Encoded {
        match self.recovery_key() {
            Some(key) if self.format == WireFormat::EventStream => {
                with_event_id(&frame, key.as_str(), &offset.position().text(self.format))
            }
            Some(_) | None => frame,
        }
    }

    /// Notifies listeners of an event that is about to be sent to this socket.
    pub(crate) fn notify_listeners(&self, event: &str, content: ContentRef<'_>) {
        if let Some(listeners) = self.telemetry.listeners() {
            listeners.count_sent(&self.namespace, event, 1);
            listeners.outgoing(&self.namespace, std::iter::once(self.id.as_str()), event, content);
        }
    }

    /// Counts a request that is answered later.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// Uncounts a request that has been answered.
    pub(crate) fn settle(&self) {
        if self.owed.fetch_sub(1, Ordering::AcqRel) == 1 && self.outbox.ended().is_some() {
            self.outbox.wake();
        }
    }

    pub(crate) fn owes_answers(&self) -> bool {
        self.owed.load(Ordering::Acquire) > 0
    }

    /// A token cancelled when the disconnect hooks have ended or timed out; `None` if they already have.
    pub(crate) fn ended(&self) -> Option<&CancellationToken> {
        self.ended.get_or_init(|| Some(CancellationToken::new())).as_ref()
    }

    /// Marks the disconnect hooks as ended.
    pub(crate) fn end(&self) {
        if let Some(ended) = self.ended.get_or_init(|| None) {
            ended.cancel();
        }
    }

    pub(crate) fn accept(&self) {
        self.accepted.store(true, Ordering::Release);
    }

    pub(crate) fn is_accepted(&self) -> bool {
        self.accepted.load(Ordering::Acquire)
    }

    /// Queues one event, to be written at the end of the sender's batch. An event with an offset is kept for recovery.
    pub(crate) fn emit(
        self: &Arc<Self>,
        event: &str,
        content: ContentRef<'_>,
        mode: EmitMode<'_>,
        offset: Option<Offset>,
    ) -> Result<(), SendError> {
        let encode = |offset: Option<&str>| self.encode(&Outgoing::Event { event, content, offset });
        let Some(offset) = offset else {
            return match mode {
                EmitMode::Event => self.push(encode(None), Delivery::Event),
                EmitMode::LatestOf(key) => self.push_latest(encode(None).into_keyed(&Key::new(event, key))),
                EmitMode::Volatile => self.current().push_volatile(event, content),
            };
        };
        let frame = self.identified(encode(Some(&offset.position().text(self.format))), offset);
        let frame = match mode {
            EmitMode::LatestOf(key) => frame.into_keyed(&Key::new(event, key)),
            EmitMode::Event | EmitMode::Volatile => frame.into_shared(),
        };
        self.push_event(frame, offset)
    }

    fn push_latest(self: &Arc<Self>, frame: Encoded) -> Result<(), SendError> {
        if !frame.is_nothing() {
            let pushed = self.outbox.push_latest(self.outbox.ready(frame), Leaves::ANY)?;
            self.write_after(pushed);
        }
        Ok(())
    }

    fn push_volatile(self: &Arc<Self>, event: &str, content: ContentRef<'_>) -> Result<(), SendError> {
        if self.drops_volatile() {
            return Err(SendError::Full);
        }
        let text = VolatileText::new(self.encode_context(), event, content, Compress::Compressing);
        if let Some(pushed) = text.and_then(|mut text| text.push(self, Leaves::ANY)) {
            self.write_after(pushed?);
            return Ok(());
        }
        self.push(self.encode(&Outgoing::Event { event, content, offset: None }), Delivery::Volatile)
    }

    /// Returns `true` and counts a dropped frame if a volatile event cannot be sent now.
    fn drops_volatile(&self) -> bool {
        let is_unheard = self.outbox.is_unheard();
        if is_unheard {
            self.telemetry.counters.add(Counter::DroppedFrames);
        }
        is_unheard
    }

    /// Queues a broadcast and keeps it for recovery in the same step.
    #[inline]
    pub(crate) fn queue_numbered(
        &self,
        shared: &SharedEvent<'_>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        let sent = self.outbox.compressed_form_of(shared).cloned();
        self.queue_event(self.identified(shared.frame(self.format).clone(), offset), sent, offset, listed)
    }

    /// Queues a volatile broadcast. `text` is set if the event ends in a text and clients may resume.
    #[inline]
    pub(crate) fn queue_volatile<'a>(
        &self,
        shared: &SharedEvent<'a>,
        text: Option<&mut VolatileText<'a>>,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        if self.drops_volatile() {
            return Err(SendError::Full);
        }
        let pushed = text.and_then(|text| text.push(self, listed));
        pushed
            .unwrap_or_else(|| self.outbox.push_listed(self.outbox.form_of(shared).clone(), Delivery::Volatile, listed))
    }

    /// Makes the session resumable.
    pub(crate) fn with_recovery(mut self, recovery: &Recovery, offsets: &Arc<Offsets>) -> Self {
        self.outbox.record(recovery, offsets.before_first());
        self.recovery = Some(Box::new(SessionRecovery::new(SocketId::random(), offsets)));
        self
    }

    /// Replaces an earlier session of the client and takes over its id, its state and the events missed since `offset`. If
    /// the loss of its connection was not detected yet, the earlier session ends. Returns `None` if the missed events are
    /// no longer kept.
    pub(crate) fn resume_from(mut self, earlier: &Self, offset: &str) -> Option<Arc<Self>> {
        let recovery = earlier.recovery.as_ref()?;
        self.id = earlier.id.clone();
        self.state = earlier.state.share();
        self.recovery = Some(Box::new(recovery.resumed()));
        let greeting = self.greeting();
        let session = Arc::new(self);
        // Later pushes to the earlier session are forwarded.
        let name = || *lock(&recovery.latest) = Arc::downgrade(&session);
        if !session.outbox.take_over(&earlier.outbox, offset, greeting, name) {
            return None;
        }
        earlier.outbox.end(DisconnectReason::Resumed, Scope::Connection);
        recovery.settled.cancel();
        Some(session)
    }

    /// Marks the connection as lost, or a resume as refused. Returns `true` if the client may resume; then events are kept.
    pub(crate) fn mark_disconnected(&self) -> bool {
        let Some(recovery) = self.recovery.as_ref().filter(|_| self.outbox.mark_disconnected()) else { return false };
        recovery.away.store(true, Ordering::Release);
        true
    }

    /// Disconnects the socket for good on behalf of the application: the client cannot resume it. A resumed socket is
    /// disconnected on its new session.
    pub(crate) fn disconnect(&self, disconnect: Disconnect, scope: Scope) {
        if !self.expel(disconnect.clone(), scope)
            && let Some(resumed_as) = self.resumed_as()
        {
            resumed_as.disconnect(disconnect, scope);
        }
    }

    /// Ends this session for good. Returns `false` if the client has already resumed on another session.
    pub(crate) fn expel(&self, disconnect: Disconnect, scope: Scope) -> bool {
        if self.outbox.bar() == RecoveryEnd::TooLate {
            return false;
        }
        if let Some(recovery) = &self.recovery {
            recovery.settled.cancel();
        }
        self.outbox.end(DisconnectReason::Server(disconnect), scope);
        true
    }

    /// Ends this session because its client reconnected as a new socket.
    pub(crate) fn retire(&self) {
        if let (Some(recovery), RecoveryEnd::Now) = (&self.recovery, self.outbox.bar()) {
            recovery.settled.cancel();
            self.outbox.end(DisconnectReason::Resumed, Scope::Connection);
        }
    }

    /// Completes when the client has resumed or can no longer resume.
    pub(crate) async fn settled(&self) {
        if let Some(recovery) = &self.recovery {
            recovery.settled.cancelled().await;
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.away.load(Ordering::Acquire))
    }

    pub(crate) fn is_recovered(&self) -> bool {
        self.recovery.as_ref().is_some_and(|recovery| recovery.recovered)
    }

    /// The offset of an answer that is an event to this client, if the client can resume: such a client reads the last text
    /// argument of every event as its offset.
    pub(crate) fn number(&self, outgoing: &Outgoing<'_>) -> Option<Offset> {
        let recovery = self.recovery.as_ref().filter(|_| self.format.is_numbered(outgoing))?;
        if let NextOffset::Assigned(offset) = recovery.offsets.next() { Some(offset) } else { None }
    }

    /// Encodes a message: first the frame with an offset, then the accompanying frame without one.
    pub(crate) fn encode_numbered(&self, outgoing: &Outgoing<'_>, offset: Offset) -> [Encoded; 2] {
        let [event, other] =
            self.format.encode_numbered(self.encode_context(), outgoing, &offset.position().text(self.format));
        [self.identified(event, offset).into_shared(), other]
    }

    /// Queues one event, to be written at the end of the sender's batch.
    pub(crate) fn push_event(self: &Arc<Self>, frame: Encoded, offset: Offset) -> Result<(), SendError> {
        let sent = self.outbox.deflating().and_then(|how| frame.deflated(how));
        let pushed = self.queue_event(frame, sent, offset, Leaves::ANY)?;
        self.write_after(pushed);
        Ok(())
    }

    /// Queues one event and keeps it for recovery in the same step; the caller marks the queue. `sent` is the compressed
    /// form, if any.
    pub(crate) fn queue_event(
        &self,
        frame: Encoded,
        sent: Option<Encoded>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        match self.outbox.push_numbered(frame, sent, offset, listed) {
            Ok(pushed) => pushed,
            Err(AlreadyResumed(frame)) => {
                let resumed_as = self.resumed_as().ok_or(SendError::Closed)?;
                let sent = resumed_as.outbox.deflating().and_then(|how| frame.deflated(how));
                let pushed = resumed_as.queue_event(frame, sent, offset, listed)?;
                resumed_as.write_after(pushed);
                Ok(Pushed::WillBeWritten)
            }
        }
    }

    /// The client's current session.
    pub(crate) fn current(self: &Arc<Self>) -> Arc<Self> {
        let mut current = Arc::clone(self);
        // A replaced session is always ending.
        while let Some(resumed_as) = current.resumed_as().filter(|_| current.outbox.is_ending()) {
            current = resumed_as;
        }
        current
    }

    /// The session on which its client has resumed on this server.
    pub(crate) fn resumed_as(&self) -> Option<Arc<Self>> {
        let recovery = self.recovery.as_ref()?;
        let latest = lock(&recovery.latest).upgrade();
        latest.filter(|latest| !std::ptr::eq(&raw const **latest, self))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}
