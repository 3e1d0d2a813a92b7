//! The session that a client resumes after a loss.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::wire::SessionFrame;

/// The place in a session that another client goes on from, such as one of a new process. The token is a secret.
#[derive(Clone, Eq, PartialEq)]
#[non_exhaustive]
pub struct Resumption {
    /// Token of the session.
    pub token: String,
    /// Offset of the last event that was received.
    pub offset: u64,
}

impl Resumption {
    /// Creates the place after the event with this offset; 0 if there was none.
    pub fn new(token: impl Into<String>, offset: u64) -> Self {
        Self { token: token.into(), offset }
    }
}

impl fmt::Debug for Resumption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Resumption").field("offset", &self.offset).finish_non_exhaustive()
    }
}

/// Token of the session, and the offset of its last event.
#[derive(Debug, Default)]
pub(crate) struct Session {
    token: Mutex<Option<Secret>>,
    offset: AtomicU64,
}

#[derive(Clone, Eq, PartialEq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

impl Session {
    pub(crate) fn new(from: Option<Resumption>) -> Self {
        let (token, offset) = from.map(|from| (Secret(from.token), from.offset)).unzip();
        Self { token: Mutex::new(token), offset: AtomicU64::new(offset.unwrap_or(0)) }
    }

    pub(crate) fn resumption(&self) -> Option<Resumption> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        token.map(|Secret(token)| Resumption { token, offset: self.offset.load(Ordering::Relaxed) })
    }

    /// Returns the subprotocol entry that asks for a session, or to resume this one.
    pub(crate) fn entry(&self) -> String {
        let resume = |Resumption { token, offset }: Resumption| format!("resume.{token}.{offset}");
        self.resumption().map_or_else(|| "resume".to_owned(), resume)
    }

    /// Notes the offset of the event that arrived last, which need not be the largest.
    pub(crate) fn advance(&self, offset: u64) {
        self.offset.store(offset, Ordering::Relaxed);
    }

    /// Notes that the server has accepted the client.
    pub(crate) fn accept(&self, frame: &SessionFrame) {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if !frame.resumed {
            self.advance(0);
        }
        *token = frame.resume.clone().map(Secret);
    }

    /// Forgets the session.
    pub(crate) fn end(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_resumed_after_the_last_event() {
        let session = Session::default();
        assert_eq!(session.entry(), "resume");
        let frame = |resume: &str, resumed| SessionFrame { id: "a".into(), resume: Some(resume.into()), resumed };
        session.accept(&frame("t", false));
        session.advance(12);
        session.advance(9);
        assert_eq!(session.entry(), "resume.t.9");
        session.accept(&frame("t", true));
        assert_eq!(session.entry(), "resume.t.9");
        session.accept(&frame("u", false));
        assert_eq!(session.entry(), "resume.u.0");
        assert!(!format!("{session:?} {:?}", session.resumption()).contains("\"u\""));
        session.end();
        assert_eq!(session.resumption(), None);
    }
}
