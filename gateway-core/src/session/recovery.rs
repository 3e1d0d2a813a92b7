//! Recovery of a client that lost its connection: a new session replaces the old one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio_util::sync::CancellationToken;

use crate::protocol::{Disconnect, Encoded, Outgoing};
use crate::session::outbox::{AlreadyResumed, Pushed, RecoveryEnd};
use crate::session::{DisconnectReason, Leaves, Offset, Offsets, Recovery, Scope, SendError, Session, SocketId};
use crate::sync::lock;

/// Additional data of a session that can be resumed.
#[derive(Debug)]
pub(crate) struct SessionRecovery {
    /// Key that the client sends to resume. Unlike the socket's id it is known to no other client.
    pub(crate) key: SocketId,
    offsets: Arc<Offsets>,
    /// Set if this session resumed an earlier one.
    recovered: bool,
    away: AtomicBool,
    /// The client's latest session, shared by all of them: sessions between the first and the latest may be gone.
    latest: Arc<Mutex<Weak<Session>>>,
    /// Cancelled when the client has resumed or can no longer resume.
    settled: CancellationToken,
}

impl SessionRecovery {
    fn new(key: SocketId, offsets: &Arc<Offsets>) -> Self {
        let offsets = Arc::clone(offsets);
        let (away, latest, settled) = (AtomicBool::new(false), Arc::default(), CancellationToken::new());
        Self { key, offsets, recovered: false, away, latest, settled }
    }

    /// Data of a session that resumes the one with this data.
    fn resumed(&self) -> Self {
        let latest = Arc::clone(&self.latest);
        Self { recovered: true, latest, ..Self::new(self.key.clone(), &self.offsets) }
    }
}

impl Session {
    /// Makes the session resumable.
    pub(crate) fn with_recovery(mut self, recovery: &Recovery, offsets: &Arc<Offsets>) -> Self {
        self.outbox.record(recovery);
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
        recovery.offsets.next()
    }

    /// Encodes a message: first the frame with an offset, then the accompanying frame without one.
    pub(crate) fn encode_numbered(&self, outgoing: &Outgoing<'_>, offset: Offset) -> [Encoded; 2] {
        let [event, other] = self.format.encode_numbered(self.encode_context(), outgoing, &offset.to_string());
        [event.into_shared(), other]
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

    fn resumed_as(&self) -> Option<Arc<Self>> {
        let recovery = self.recovery.as_ref()?;
        let latest = lock(&recovery.latest).upgrade();
        latest.filter(|latest| !std::ptr::eq(&raw const **latest, self))
    }
}

#[cfg(all(test, shuttle))]
mod model;
