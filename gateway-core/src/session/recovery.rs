//! Recovery of a client that lost its connection: a new session takes the place of the old one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio_util::sync::CancellationToken;

use crate::protocol::{Disconnect, Encoded, Outgoing};
use crate::session::outbox::{AlreadyResumed, Pushed, RecoveryEnd};
use crate::session::{DisconnectReason, Leaves, Offset, Offsets, Recovery, Scope, SendError, Session, SocketId};

/// Additional data of a session that can be resumed.
#[derive(Debug)]
pub(crate) struct SessionRecovery {
    /// Key that the client names to resume: known to no other client, unlike the id of its socket.
    pub(crate) key: SocketId,
    offsets: Arc<Offsets>,
    /// The session has resumed an earlier one.
    recovered: bool,
    away: AtomicBool,
    resumed_as: Mutex<Weak<Session>>,
    /// Fires when nobody has to wait for its client any more: it resumed, or may not.
    settled: CancellationToken,
}

impl SessionRecovery {
    fn new(key: SocketId, offsets: &Arc<Offsets>, recovered: bool) -> Self {
        let offsets = Arc::clone(offsets);
        let (away, resumed_as, settled) = (AtomicBool::new(false), Mutex::default(), CancellationToken::new());
        Self { key, offsets, recovered, away, resumed_as, settled }
    }
}

impl Session {
    /// Makes the session one that its client finds again when its connection is lost.
    pub(crate) fn with_recovery(mut self, recovery: &Recovery, offsets: &Arc<Offsets>) -> Self {
        self.outbox.record(recovery);
        self.recovery = Some(Box::new(SessionRecovery::new(SocketId::random(), offsets, false)));
        self
    }

    /// Takes the place of an earlier session of the client: with its id, its state, and the events the client has
    /// missed since `offset`. The earlier one ends, where its connection was not found to be lost. `None` where the
    /// missed events are not known any more.
    pub(crate) fn resume_from(mut self, earlier: &Self, offset: &str) -> Option<Arc<Self>> {
        let recovery = earlier.recovery.as_ref()?;
        self.id = earlier.id.clone();
        self.state = earlier.state.share();
        self.recovery = Some(Box::new(SessionRecovery::new(recovery.key.clone(), &recovery.offsets, true)));
        let greeting = self.greeting();
        let session = Arc::new(self);
        // What is pushed to the earlier one from then on finds its way.
        let name = || *recovery.resumed_as.lock().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(&session);
        if !session.outbox.take_over(&earlier.outbox, offset, greeting, name) {
            return None;
        }
        earlier.outbox.end(DisconnectReason::Resumed, Scope::Connection);
        recovery.settled.cancel();
        Some(session)
    }

    /// The connection is lost, or its client was not let in again. Says whether the client may resume; then what is sent
    /// to it is kept.
    pub(crate) fn mark_disconnected(&self) -> bool {
        let Some(recovery) = self.recovery.as_ref().filter(|_| self.outbox.mark_disconnected()) else { return false };
        recovery.away.store(true, Ordering::Release);
        true
    }

    /// Ends the socket by the application's will, for good: its client does not resume this socket. One that resumed
    /// already is ended where it is now.
    pub(crate) fn disconnect(&self, disconnect: Disconnect, scope: Scope) {
        if !self.expel(disconnect.clone(), scope)
            && let Some(resumed_as) = self.resumed_as()
        {
            resumed_as.disconnect(disconnect, scope);
        }
    }

    /// Ends this session for good; `false` where its client resumed already, who has another one.
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

    /// Its client resumed and is another socket from now on: nobody is this one any more.
    pub(crate) fn retire(&self) {
        if let (Some(recovery), RecoveryEnd::Now) = (&self.recovery, self.outbox.bar()) {
            recovery.settled.cancel();
            self.outbox.end(DisconnectReason::Resumed, Scope::Connection);
        }
    }

    /// Ends when nobody has to wait for its client any more.
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

    /// The offset of an answer that is an event to this client, where it can resume: a client takes the last text of
    /// every event for its offset.
    pub(crate) fn number(&self, outgoing: &Outgoing<'_>) -> Option<Offset> {
        let recovery = self.recovery.as_ref().filter(|_| self.format.is_numbered(outgoing))?;
        recovery.offsets.next()
    }

    /// The frames of what has an offset, and those that go with it and have none.
    pub(crate) fn encode_numbered(&self, outgoing: &Outgoing<'_>, offset: Offset) -> [Encoded; 2] {
        let [event, other] = self.format.encode_numbered(self.encode_context(), outgoing, &offset.to_string());
        [event.into_shared(), other]
    }

    /// Queues one event; it goes out at the end of the sender's batch of work.
    pub(crate) fn push_event(self: &Arc<Self>, frame: Encoded, offset: Offset) -> Result<(), SendError> {
        let sent = self.outbox.deflating().and_then(|how| frame.deflated(how));
        let pushed = self.queue_event(frame, sent, offset, Leaves::ANY)?;
        self.write_after(pushed);
        Ok(())
    }

    /// Queues one event, for the caller to mark, and keeps it for a client that resumes, in the same step. `sent` is its
    /// compressed form, where it has one.
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

    /// The session that its client has now.
    pub(crate) fn current(self: &Arc<Self>) -> Arc<Self> {
        let mut current = Arc::clone(self);
        // One that another took the place of is ending, always.
        while let Some(resumed_as) = current.resumed_as().filter(|_| current.outbox.is_ending()) {
            current = resumed_as;
        }
        current
    }

    fn resumed_as(&self) -> Option<Arc<Self>> {
        let recovery = self.recovery.as_ref()?;
        recovery.resumed_as.lock().unwrap_or_else(PoisonError::into_inner).upgrade()
    }
}

#[cfg(all(test, shuttle))]
mod model;
