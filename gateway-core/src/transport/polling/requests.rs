//! Requests of a polling client: GETs, POSTs and upgrades, and their effect on the session.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use crate::transport::Transport;
use crate::transport::polling::pipe::{Pipe, SessionError};

/// The handle for the requests of one session. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PollingPeer(Arc<Pipe>);

impl PollingPeer {
    pub(super) fn new(pipe: Arc<Pipe>) -> Self {
        Self(pipe)
    }

    /// Checks that the session still accepts requests.
    pub(crate) fn standing(&self) -> Result<(), SessionError> {
        self.0.lock().standing()
    }

    /// Waits for packets, as a GET does. Dropping the future ends the session.
    pub(crate) async fn poll(&self) -> Result<Bytes, SessionError> {
        self.0.lock().park()?;
        WaitingGet { pipe: &self.0, was_answered: false }.await
    }

    /// Begins a POST. Dropping the POST before its end ends the session.
    pub(crate) fn post(&self) -> Result<Posting, SessionError> {
        self.0.lock().begin_post()?;
        Ok(Posting { pipe: Arc::clone(&self.0), is_over: false })
    }

    /// Marks the session as broken by a request that violates the protocol.
    pub(crate) fn violate(&self, why: &'static str) {
        self.0.lock().violate(why);
    }

    /// Begins an upgrade to a WebSocket. Returns `None` during and after another upgrade.
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

/// A waiting GET.
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

/// A POST in progress.
#[derive(Debug)]
#[must_use = "a POST that is dropped ends the session"]
pub(crate) struct Posting {
    pipe: Arc<Pipe>,
    is_over: bool,
}

impl Posting {
    /// Waits until the packets of an earlier POST are delivered. Fails if the session ends meanwhile.
    pub(crate) async fn turn(&self) -> Result<(), SessionError> {
        let kept_to_the_protocol = poll_fn(|context| self.pipe.lock().poll_delivered(context)).await;
        if kept_to_the_protocol { self.pipe.lock().standing() } else { Err(SessionError::Over) }
    }

    /// Waits until the session ends.
    pub(crate) async fn ended(&self) {
        poll_fn(|context| self.pipe.lock().poll_ended(context)).await;
    }

    /// Delivers the packets and waits until the session has handled them. Returns `false` if one violated the protocol.
    /// If the future is dropped, the packets are delivered nevertheless.
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

/// An upgrade to a WebSocket in progress. Dropping it leaves the session as it is.
#[derive(Debug)]
pub(crate) struct UpgradeProbe {
    pipe: Arc<Pipe>,
    is_over: bool,
}

impl UpgradeProbe {
    /// Notes that the client's probe was answered.
    pub(crate) fn answered(&self) {
        self.pipe.lock().answer_probe();
    }

    /// Answers the waiting GET, if any: clients upgrade when no GET is in progress.
    pub(crate) fn release_poll(&self) {
        self.pipe.lock().release_poll();
    }

    /// Ready when the session has ended before the upgrade.
    pub(crate) fn poll_over(&self, context: &Context<'_>) -> Poll<()> {
        self.pipe.lock().poll_over(context)
    }

    /// Completes the upgrade. Returns the WebSocket if the session has ended.
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
