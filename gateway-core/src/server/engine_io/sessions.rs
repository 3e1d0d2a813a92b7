//! The sessions of an endpoint, by their secret ids.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use data_encoding::BASE64URL_NOPAD;

use crate::limits::Limits;
use crate::protocol::Deflating;
use crate::random::random;
use crate::sync::lock;
use crate::transport::{
    Broken, CountedPermit, Deliver, Direct, Ending, LatestHeaders, PollListener, PollingPeer, Transport,
};

/// A session's id: 144 bits of the system's random source. The id is the client's secret, so it is never logged.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct SessionId([u8; 18]);

impl SessionId {
    /// # Panics
    ///
    /// If the system's random source fails.
    fn random() -> Self {
        Self(random())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(super) fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionId(..)")
    }
}

/// The part of a session that requests use.
#[derive(Clone, Debug)]
pub(super) enum EngineSession {
    /// A session over a WebSocket, which has no further requests.
    WebSocket,
    Polling {
        peer: PollingPeer,
        latest: LatestHeaders,
    },
}

/// All sessions of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct EngineSessions {
    table: Mutex<HashMap<SessionId, EngineSession>>,
    polling: Arc<AtomicUsize>,
    unclaimed: Arc<AtomicUsize>,
}

impl EngineSessions {
    pub(super) fn find(&self, id: SessionId) -> Option<EngineSession> {
        self.lock().get(&id).cloned()
    }

    /// Adds a session until the returned entry is dropped.
    pub(super) fn enter(self: &Arc<Self>, session: EngineSession) -> SessionEntry {
        let id = SessionId::random();
        self.lock().insert(id, session);
        SessionEntry { sessions: Arc::clone(self), id }
    }

    /// Number of polling sessions.
    pub(crate) fn polling(&self) -> usize {
        self.polling.load(Ordering::Acquire)
    }

    /// Acquires the permits of a polling session: one of all sessions, and one of the sessions not accepted yet.
    pub(super) fn places(&self, limits: &Limits) -> Option<(CountedPermit, CountedPermit)> {
        let context = CountedPermit::acquire(&self.polling, limits.polling_sessions)?;
        Some((context, CountedPermit::acquire(&self.unclaimed, limits.unclaimed_sessions)?))
    }

    fn leave(&self, id: SessionId) {
        let mut table = self.lock();
        let session = table.remove(&id);
        if table.len() * 4 < table.capacity() {
            // A burst of sessions leaves no large table behind.
            let room = table.len() * 2;
            table.shrink_to(room);
        }
        drop(table);
        drop(session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, EngineSession>> {
        lock(&self.table)
    }
}

/// A session in the table. Dropping the entry removes it.
#[derive(Debug)]
pub(super) struct SessionEntry {
    sessions: Arc<EngineSessions>,
    id: SessionId,
}

impl SessionEntry {
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// Ties the entry to the transport. A session that waits for its client to resume is no longer in the table.
    pub(super) fn with<T>(self, transport: T) -> RegisteredTransport<T> {
        RegisteredTransport { transport, _entered: self }
    }
}

impl Drop for SessionEntry {
    fn drop(&mut self) {
        self.sessions.leave(self.id);
    }
}

/// The transport of a session in the table.
#[derive(Debug)]
pub(super) struct RegisteredTransport<T> {
    transport: T,
    _entered: SessionEntry,
}

impl<T: Transport> Transport for RegisteredTransport<T> {
    fn greet(&mut self) {
        self.transport.greet();
    }

    fn poll_receive(&mut self, context: &mut Context<'_>, deliver: &mut Deliver<'_>) -> Poll<Result<(), Broken>> {
        self.transport.poll_receive(context, deliver)
    }

    fn absorb(&mut self, context: &mut Context<'_>) {
        self.transport.absorb(context);
    }

    fn received(&self) -> u64 {
        self.transport.received()
    }

    fn assembling(&self) -> Option<u64> {
        self.transport.assembling()
    }

    fn poll_write(&mut self, context: &mut Context<'_>, frames: &[u8]) -> Poll<io::Result<usize>> {
        self.transport.poll_write(context, frames)
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.transport.poll_flush(context)
    }

    fn stop_reading(&mut self) {
        self.transport.stop_reading();
    }

    fn give_up(&mut self) {
        self.transport.give_up();
    }

    fn poll_close(&mut self, context: &mut Context<'_>, ending: Ending) -> Poll<()> {
        self.transport.poll_close(context, ending)
    }

    fn direct(&self) -> Option<Direct> {
        self.transport.direct()
    }

    fn listener(&self) -> Option<PollListener> {
        self.transport.listener()
    }

    fn deflating(&self) -> Option<Deflating> {
        self.transport.deflating()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_back_and_shows_itself_to_nobody() {
        let id = SessionId::random();
        let text = id.to_text();
        assert_eq!(text.len(), 24);
        assert_eq!(SessionId::parse(&text), Some(id));
        assert_eq!(format!("{id:?}"), "SessionId(..)");
        for wrong in
            ["", "abc", "__proto__", "constructor", "aaaaaaaaaaaaaaaaaaaaaaa€", &text[1..], &format!("{text}a")]
        {
            assert_eq!(SessionId::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_session_is_found_until_it_leaves() {
        let sessions = Arc::new(EngineSessions::default());
        let entered: Vec<_> = (0..1000).map(|_| sessions.enter(EngineSession::WebSocket)).collect();
        let id = entered[7].id();
        assert!(sessions.find(id).is_some());
        drop(entered);
        assert!(sessions.find(id).is_none());
        assert!(sessions.lock().capacity() < 100);
    }
}
