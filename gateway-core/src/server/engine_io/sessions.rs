//! Sessions by their secret id.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use data_encoding::BASE64URL_NOPAD;

use crate::limits::Limits;
use crate::transport::{Counted, LatestHeaders, PollingPeer};

/// The name of a session: whoever knows it is its client, so it is never logged. 144 bits of the system's random source.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub(super) struct SessionId([u8; 18]);

impl SessionId {
    /// # Panics
    ///
    /// When the system has no randomness to give: a server that guesses its ids must not go on.
    fn random() -> Self {
        let mut bytes = [0; 18];
        getrandom::fill(&mut bytes).expect("the system's random source works");
        Self(bytes)
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

/// What requests need of a session.
#[derive(Clone, Debug)]
pub(super) enum Session {
    /// It began as a WebSocket: no request has business with it.
    WebSocket,
    Polling {
        peer: PollingPeer,
        latest: LatestHeaders,
    },
}

/// All sessions under one path.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    table: Mutex<HashMap<SessionId, Session>>,
    polling: Arc<AtomicUsize>,
    unclaimed: Arc<AtomicUsize>,
}

impl Sessions {
    pub(super) fn find(&self, id: SessionId) -> Option<Session> {
        self.lock().get(&id).cloned()
    }

    /// Takes a session up, for as long as what is returned lives.
    pub(super) fn enter(self: &Arc<Self>, session: Session) -> Entered {
        let id = SessionId::random();
        self.lock().insert(id, session);
        Entered { sessions: Arc::clone(self), id }
    }

    /// Places for a session of long polling: among all of them, and among those that nobody has claimed.
    pub(super) fn places(&self, limits: &Limits) -> Option<(Counted, Counted)> {
        let place = Counted::take(&self.polling, limits.polling_sessions)?;
        Some((place, Counted::take(&self.unclaimed, limits.unclaimed_sessions)?))
    }

    fn leave(&self, id: SessionId) {
        let mut table = self.lock();
        let session = table.remove(&id);
        if table.len() * 4 < table.capacity() {
            // A burst leaves no table behind.
            let room = table.len() * 2;
            table.shrink_to(room);
        }
        drop(table);
        drop(session);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that is in the table until this is dropped.
#[derive(Debug)]
pub(super) struct Entered {
    sessions: Arc<Sessions>,
    id: SessionId,
}

impl Entered {
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    /// The session for as long as `serving` takes. By hand: an `async` block would keep the future twice.
    pub(super) fn during<F: Future<Output = ()> + Unpin>(self, serving: F) -> During<F> {
        During { serving, _entered: self }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.sessions.leave(self.id);
    }
}

pub(super) struct During<F> {
    serving: F,
    _entered: Entered,
}

impl<F: Future<Output = ()> + Unpin> Future for During<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.serving).poll(context)
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
        let sessions = Arc::new(Sessions::default());
        let entered: Vec<_> = (0..1000).map(|_| sessions.enter(Session::WebSocket)).collect();
        let id = entered[7].id();
        assert!(sessions.find(id).is_some());
        drop(entered);
        assert!(sessions.find(id).is_none());
        assert!(sessions.lock().capacity() < 100);
    }
}
