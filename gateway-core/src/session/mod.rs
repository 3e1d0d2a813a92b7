//! A client's session: its id, its outbox, pending requests, and values that user code stores with it. Knows no rooms and
//! no other session.

mod batch;
mod disconnect_reason;
mod emit;
mod heartbeat;
mod id;
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
use recovery::SessionRecovery;
pub(crate) use room_guard::{GuardDecision, RoomGuard};

pub use disconnect_reason::DisconnectReason;
pub(crate) use emit::{EmitMode, VolatileText};
pub use outbox::SendError;
pub(crate) use outbox::{BurstFrames, Delivery, JoinedBurst, Leaves, Outbox, Pushed, Scope};
pub(crate) use pending_acks::{AckResult, PendingAcks};
pub use replay::Recovery;
pub(crate) use replay::{Offset, Offsets};
pub(crate) use state::{SharedState, TypeMap};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;
use crate::metrics::{Telemetry, TestLog};
use crate::protocol::{EncodeContext, Encoded, MessageFormat, Outgoing, WireFormat};
use crate::transport::Handshake;

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
    /// Present if the client can resume after a lost connection.
    recovery: Option<Box<SessionRecovery>>,
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
        let Some(offset) = self.number(outgoing) else { return self.push(self.encode(outgoing), delivery) };
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
        if self.outbox.offer(frame, delivery, offset)? == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
        Ok(())
    }

    /// Notifies listeners of an event that is about to be sent to this socket.
    pub(crate) fn tell_listeners(&self, event: &str) {
        if let Some(listeners) = self.telemetry.listeners() {
            listeners.count_sent(&self.namespace, event, 1);
            listeners.outgoing(&self.namespace, self.id.as_str(), event);
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
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("id", &self.id).finish_non_exhaustive()
    }
}
