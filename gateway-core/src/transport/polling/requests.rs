//! The client's end: what its requests do to a session, and what becomes of them.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::transport::Transport;
use crate::transport::polling::pipe::{Pipe, SessionError};

/// Where the requests of one session come in. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PollingPeer(Arc<Pipe>);

impl PollingPeer {
    pub(super) fn new(pipe: Arc<Pipe>) -> Self {
        Self(pipe)
    }

    /// Checks that requests can reach the session.
    pub(crate) fn standing(&self) -> Result<(), SessionError> {
        self.0.lock().standing()
    }

    /// A GET: waits for packets. Giving it up ends the session.
    pub(crate) async fn poll(&self) -> Result<Bytes, SessionError> {
        self.0.lock().park()?;
        WaitingGet { pipe: &self.0, was_answered: false }.await
    }

    /// A POST begins. Dropping it before it is at its end ends the session.
    pub(crate) fn post(&self) -> Result<Posting, SessionError> {
        self.0.lock().begin_post()?;
        Ok(Posting { pipe: Arc::clone(&self.0), is_over: false })
    }

    /// Marks the session as broken by a request that violates the protocol.
    pub(crate) fn violate(&self, why: &'static str) {
        self.0.lock().violate(why);
    }

    /// A WebSocket asks to take the session over; `None` where one does already, or has.
    pub(crate) fn probe(&self) -> Option<UpgradeProbe> {
        let may = self.0.lock().begin_probe();
        may.then(|| UpgradeProbe { pipe: Arc::clone(&self.0), is_over: false })
    }
}

impl fmt::Debug for PollingPeer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PollingPeer")
    }
}

/// A GET that waits.
struct WaitingGet<'a> {
    pipe: &'a Pipe,
    was_answered: bool,
}

impl Future for WaitingGet<'_> {
    type Output = Result<Bytes, SessionError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Bytes, SessionError>> {
        let answer = self.pipe.lock().poll_answer(context);
        self.was_answered = answer.is_ready();
        answer.map_ok(Bytes::from)
    }
}

impl Drop for WaitingGet<'_> {
    fn drop(&mut self) {
        if !self.was_answered {
            self.pipe.lock().unpark();
        }
    }
}

/// A POST that is under way.
#[derive(Debug)]
#[must_use = "a POST that is dropped ends the session"]
pub(crate) struct Posting {
    pipe: Arc<Pipe>,
    is_over: bool,
}

impl Posting {
    /// Until what an earlier POST brought has been taken. `Err` when the session ends meanwhile.
    pub(crate) async fn turn(&self) -> Result<(), SessionError> {
        let kept_to_the_protocol = poll_fn(|context| self.pipe.lock().poll_delivered(context)).await;
        if kept_to_the_protocol { self.pipe.lock().standing() } else { Err(SessionError::Over) }
    }

    /// Until the session ends.
    pub(crate) async fn ended(&self) {
        poll_fn(|context| self.pipe.lock().poll_ended(context)).await;
    }

    /// Hands over what came. Ready once it was taken, with whether it kept to the protocol. May be given up: the packets
    /// are taken nevertheless.
    pub(crate) async fn deliver(mut self, packets: String) -> bool {
        self.is_over = true;
        self.pipe.lock().post(packets);
        poll_fn(|context| self.pipe.lock().poll_delivered(context)).await
    }
}

impl Drop for Posting {
    fn drop(&mut self) {
        let mut pipe = self.pipe.lock();
        if self.is_over { pipe.end_post() } else { pipe.abort_post() }
    }
}

/// A WebSocket's attempt to take a session over. Dropping it lets the session go on as it is.
#[derive(Debug)]
pub(crate) struct UpgradeProbe {
    pipe: Arc<Pipe>,
    is_over: bool,
}

impl UpgradeProbe {
    /// The client's probe was answered.
    pub(crate) fn answered(&self) {
        self.pipe.lock().answer_probe();
    }

    /// Answers the GET that waits, if one does: its client moves once it has none under way.
    pub(crate) fn release_poll(&self) {
        self.pipe.lock().release_poll();
    }

    /// Ready once the session has ended without it.
    pub(crate) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        self.pipe.lock().poll_over(context)
    }

    /// The session goes on over the WebSocket; it is given back where the session has ended.
    pub(crate) fn complete(mut self, websocket: Box<dyn Transport>) -> Result<(), Box<dyn Transport>> {
        self.is_over = true;
        self.pipe.lock().upgrade(websocket)
    }
}

impl Drop for UpgradeProbe {
    fn drop(&mut self) {
        if !self.is_over {
            self.pipe.lock().end_probe();
        }
    }
}
