//! Events that clients acknowledge: their sending, and the wait for one client's answer.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use crate::hub::{RequestError, Target};
use crate::metrics::Counter;
use crate::protocol::{Content, Encoded, FromArgs, Outgoing, RawArgs, is_reserved};
use crate::session::{AckResult, Delivery, SendError, Session, SocketId};

/// An event that is sent with a request for an acknowledgement.
#[derive(Clone, Debug)]
pub(crate) struct AckEvent {
    event: String,
    content: Content,
}

/// Requests to the sockets of a target.
#[derive(Debug)]
pub(crate) struct AskedSockets {
    pub(crate) pending: Vec<(SocketId, Result<PendingAck, RequestError>)>,
    /// The server's timeout for answers; `None` without a socket.
    pub(crate) default_timeout: Option<Duration>,
}

impl AckEvent {
    pub(crate) fn new(event: &str, args: Result<RawArgs, serde_json::Error>) -> Result<Self, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved);
        }
        let content = args.map_err(|_| SendError::Unserializable)?.into_content();
        Ok(Self { event: event.to_owned(), content })
    }

    pub(crate) fn into_parts(self) -> (String, RawArgs) {
        (self.event, self.content.into())
    }

    pub(crate) fn send(
        &self,
        session: &Arc<Session>,
        push: impl FnOnce(Encoded) -> Result<(), SendError>,
    ) -> Result<PendingAck, RequestError> {
        if !session.is_accepted() {
            return Err(RequestError::NotConnected);
        }
        let refused = || if session.gone.is_cancelled() { RequestError::Gone } else { RequestError::TooMany };
        let (number, answer) = session.pending.open().ok_or_else(refused)?;
        let asked = PendingAck { session: Arc::clone(session), number, answer };
        session.notify_listeners(&self.event, self.content.borrowed());
        let question = Outgoing::Ask { event: &self.event, content: self.content.borrowed(), ask: number };
        push(session.encode(&question))?;
        Ok(asked)
    }
}

impl AskedSockets {
    /// Sends a request to every socket of this node that the target selects. Disconnected sockets that may still resume are
    /// skipped.
    pub(crate) fn send(target: &Target, question: &Result<AckEvent, SendError>) -> Self {
        let recipients = target.select();
        let default_timeout = recipients.iter().next().map(|session| session.request_timeout);
        let delivery = match target.delivery() {
            Delivery::Volatile => Delivery::Volatile,
            Delivery::Event | Delivery::Answer => Delivery::Answer,
        };
        let ask = |session: &Arc<Session>| match question {
            Ok(question) => {
                question.send(session, |frame| target.push_frame((session, recipients.leaves), &frame, delivery))
            }
            Err(error) => Err(RequestError::from(*error)),
        };
        // A socket that left the room after the list was made gets no request.
        let has_left = |session: &Session, asked: &Result<PendingAck, RequestError>| {
            matches!(asked, Err(RequestError::Unsent(SendError::Closed))) && !session.gone.is_cancelled()
        };
        let here = recipients.iter().filter(|session| !session.is_away());
        let asked = here.map(|session| (session, ask(session)));
        let asked = asked.filter(|(session, asked)| !has_left(session, asked));
        let pending = asked.map(|(session, asked)| (session.id.clone(), asked)).collect();
        Self { pending, default_timeout }
    }
}

/// A pending request. Dropping it frees its slot among the pending acks.
#[derive(Debug)]
pub(crate) struct PendingAck {
    session: Arc<Session>,
    number: u64,
    answer: oneshot::Receiver<AckResult>,
}

impl PendingAck {
    /// Waits for the answer until `clock` elapses.
    pub(crate) async fn answer<R: FromArgs>(mut self, mut clock: Pin<&mut Sleep>) -> Result<R, RequestError> {
        match poll_fn(|task| self.poll(task, clock.as_mut())).await? {
            Ok(payload) => R::from_args(payload.into()).map_err(RequestError::Unreadable),
            Err(json) => Err(RequestError::Refused(serde_json::from_str(&json).unwrap_or(Value::Null))),
        }
    }

    /// Waits for the answer; `None` if the client has gone. An error of the client's own is an answer too.
    pub(crate) async fn arguments(mut self) -> Option<RawArgs> {
        match (&mut self.answer).await.ok()? {
            Ok(payload) => Some(payload.into()),
            Err(json) => RawArgs::one(&serde_json::from_str::<Value>(&json).unwrap_or(Value::Null)).ok(),
        }
    }

    fn poll(&mut self, task: &mut Context<'_>, clock: Pin<&mut Sleep>) -> Poll<Result<AckResult, RequestError>> {
        match Pin::new(&mut self.answer).poll(task) {
            Poll::Ready(answer) => Poll::Ready(answer.map_err(|_| RequestError::Gone)),
            Poll::Pending => clock.poll(task).map(|()| {
                self.session.telemetry.counters.add(Counter::UnansweredRequests);
                Err(RequestError::Timeout)
            }),
        }
    }
}

impl Drop for PendingAck {
    fn drop(&mut self) {
        self.session.pending.forget(self.number);
    }
}
