//! One connection from inside: its id, its outbox, the questions it still owes an answer to, and what user code keeps
//! with it. Knows no rooms and no other session.

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
pub(crate) mod sync;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use batch::{Batch, for_each, latest_of, write_all_soon};
pub(crate) use heartbeat::{ByteActivity, Heartbeat, HeartbeatAction, HeartbeatConfig, PingMode, ReceivedKind};
pub(crate) use id::ById;
pub use id::SocketId;
use recovery::SessionRecovery;
pub use room_guard::RoomRefusal;
pub(crate) use room_guard::{GuardDecision, RoomGuard};

pub use disconnect_reason::DisconnectReason;
pub(crate) use emit::{EmitMode, VolatileText};
pub use outbox::SendError;
pub(crate) use outbox::{Delivery, Leaves, Outbox, Pushed, Scope};
pub(crate) use pending_acks::{AckResult, PendingAcks};
pub use replay::Recovery;
pub(crate) use replay::{Offset, Offsets};
pub(crate) use state::{SharedState, TypeMap};
use tokio_util::sync::CancellationToken;

use crate::limits::Limits;
use crate::metrics::Counters;
use crate::protocol::{EncodeContext, Encoded, MessageFormat, Outgoing, WireFormat};
use crate::transport::Handshake;

/// State of a client inside the server, which may outlive a connection.
pub(crate) struct Session {
    pub(crate) id: SocketId,
    /// The concrete name of its namespace.
    pub(crate) namespace: Arc<str>,
    pub(crate) handshake: Handshake,
    pub(crate) format: WireFormat,
    pub(crate) counters: Arc<Counters>,
    pub(crate) outbox: Outbox,
    pub(crate) pending: PendingAcks,
    pub(crate) state: SharedState,
    pub(crate) request_timeout: Duration,
    /// Number of rooms that the socket may be in.
    pub(crate) rooms: usize,
    /// Present where its client can resume after a lost connection.
    recovery: Option<Box<SessionRecovery>>,
    /// Requests whose answer somebody still owes, other than at once.
    owed: AtomicUsize,
    /// The application's own form, where it has one.
    own: Option<&'static dyn MessageFormat>,
    /// Set once the connect hooks have accepted.
    accepted: AtomicBool,
    /// Values that guards granted for as long as it lives; present where it has guards.
    pub(crate) granted: OnceLock<Arc<TypeMap>>,
    /// Asked before it is put into a room; present where its namespace has guards.
    pub(crate) room_guard: OnceLock<RoomGuard>,
    /// Fires when the client has left or is being disconnected.
    pub(crate) gone: CancellationToken,
    /// Fires when the disconnect hooks have ended; made for the first task that waits. `None` once they have ended unawaited.
    ended: OnceLock<Option<CancellationToken>>,
}

impl Session {
    pub(crate) fn new(
        namespace: &Arc<str>,
        handshake: Handshake,
        format: WireFormat,
        limits: &Limits,
        counters: &Arc<Counters>,
    ) -> Self {
        Self {
            id: SocketId::random(),
            namespace: Arc::clone(namespace),
            handshake,
            format,
            counters: Arc::clone(counters),
            outbox: Outbox::new(format, limits, counters),
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
    /// With a form of the application's own.
    pub(crate) fn with_custom_format(self, own: Option<&'static dyn MessageFormat>) -> Self {
        Self { own, ..self }
    }

    fn encode_context(&self) -> EncodeContext<'_> {
        EncodeContext { namespace: &self.namespace, own: self.own }
    }

    /// The frames that say it in this client's format.
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

    /// Queues one frame; it goes out at the end of the sender's batch of work.
    pub(crate) fn push(self: &Arc<Self>, frame: Encoded, delivery: Delivery) -> Result<(), SendError> {
        if frame.is_nothing() {
            return Ok(());
        }
        let pushed = self.outbox.push(self.outbox.ready(frame), delivery)?;
        self.write_after(pushed);
        Ok(())
    }

    /// Writes at the end of the sender's batch of work, where nobody else does.
    pub(crate) fn write_after(self: &Arc<Self>, pushed: Pushed) {
        if pushed == Pushed::NeedsWrite {
            batch::write_soon(self);
        }
    }

    /// Queues an answer. What of it is an event to its client is kept, where that can resume.
    pub(crate) fn answer(self: &Arc<Self>, outgoing: &Outgoing<'_>, delivery: Delivery) -> Result<(), SendError> {
        let Some(offset) = self.number(outgoing) else { return self.push(self.encode(outgoing), delivery) };
        let [event, other] = self.encode_numbered(outgoing, offset);
        self.push_event(event, offset)?;
        self.push(other, delivery)
    }

    /// Queues one frame, or gives it back where it does not fit yet. With an offset it is kept for a client that resumes.
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

    /// An event is about to be sent to this socket.
    pub(crate) fn tell_listeners(&self, event: &str) {
        if let Some(listeners) = self.counters.listeners() {
            listeners.count_sent(&self.namespace, event, 1);
            listeners.outgoing(&self.namespace, self.id.as_str(), event);
        }
    }

    /// Somebody will answer a request later.
    pub(crate) fn owe(&self) {
        self.owed.fetch_add(1, Ordering::Relaxed);
    }

    /// Somebody has answered a request that was owed.
    pub(crate) fn settle(&self) {
        if self.owed.fetch_sub(1, Ordering::AcqRel) == 1 && self.outbox.ended().is_some() {
            self.outbox.wake();
        }
    }

    pub(crate) fn owes_answers(&self) -> bool {
        self.owed.load(Ordering::Acquire) > 0
    }

    /// Fires when the disconnect hooks have ended, within their bounds; `None` where they have.
    pub(crate) fn ended(&self) -> Option<&CancellationToken> {
        self.ended.get_or_init(|| Some(CancellationToken::new())).as_ref()
    }

    /// Its disconnect hooks have ended.
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
