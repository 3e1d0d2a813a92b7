//! Requests from the server to its clients, and the acknowledgements that answer them.

use std::fmt;
use std::future::{Future, IntoFuture, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};

use crate::hub::{Namespace, Target};
use crate::metrics::Counter;
use crate::protocol::{Content, Encoded, FromArgs, Outgoing, RawArgs, ToArgs, is_reserved};
use crate::session::{AckResult, Delivery, SendError, Session, SocketId};

/// A request to one client. Nothing is sent until the request is awaited; dropping the future abandons the request.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct AckRequest<R> {
    session: Arc<Session>,
    question: Result<AckEvent, SendError>,
    timeout: Duration,
    answer: PhantomData<fn() -> R>,
}

/// A request to every socket of a target. Nothing is sent until the request is awaited; dropping the future abandons it.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct AckRequests<R> {
    target: Target,
    question: Result<AckEvent, SendError>,
    /// `None` means the server's default.
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> R>,
}

/// Answers of the sockets of a target, with a failure for each missing answer. In no particular order.
pub struct Responses<R>(Vec<(SocketId, Result<R, RequestError>)>);

/// Reason why a request to a client has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The connect hook is still running. A client answers only after the hook, so the hook would wait forever.
    #[error("a client cannot be asked while its connect hook runs")]
    NotConnected,
    /// The limit of pending requests is reached.
    #[error("too many questions to this client wait for an answer")]
    TooMany,
    /// The request could not be sent.
    #[error("the question could not be sent")]
    Unsent(#[source] SendError),
    /// The request's data cannot be serialised as JSON.
    #[error("the question cannot be serialised")]
    Unserializable,
    /// No answer arrived before the timeout.
    #[error("operation has timed out")]
    Timeout,
    /// The client disconnected before it answered.
    #[error("the client is gone")]
    Gone,
    /// The client answered with an error of its own.
    #[error("the client answered with an error: {0}")]
    Refused(Value),
    /// The answer does not deserialise into the requested type.
    #[error("the client's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
}

impl From<SendError> for RequestError {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Unserializable => Self::Unserializable,
            SendError::Full | SendError::Closed | SendError::Reserved => Self::Unsent(error),
        }
    }
}

impl<R> AckRequest<R> {
    pub(super) fn new(session: &Arc<Session>, event: &str, args: Result<RawArgs, serde_json::Error>) -> Self {
        let (session, timeout) = (Arc::clone(session), session.request_timeout);
        Self { session, question: AckEvent::new(event, args), timeout, answer: PhantomData }
    }

    /// Sets the timeout. Default: the server's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }
}

impl<R: FromArgs> AckRequest<R> {
    async fn ask(self) -> Result<R, RequestError> {
        let session = self.session.current();
        let asked = self.question?.ask(&session, |frame| session.push(frame, Delivery::Answer))?;
        asked.answer(pin!(sleep(self.timeout))).await
    }
}

impl<R: FromArgs + Send + 'static> IntoFuture for AckRequest<R> {
    type Output = Result<R, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl Target {
    /// Sends a request to every selected socket; await the result for the answers. Disconnected sockets that may still resume
    /// are skipped. Answers that arrive before the timeout are kept even if others are missing.
    ///
    /// ```no_run
    /// # async fn example(namespace: gateway_core::Namespace) {
    /// let votes = namespace.to("jury").emit_with_ack::<u8>("vote", "now").timeout(std::time::Duration::from_secs(60)).await;
    /// match votes.all() {
    ///     Ok(votes) => println!("everybody voted: {votes:?}"),
    ///     Err(some) => println!("{} of {} voted", some.arrived().count(), some.len()),
    /// }
    /// # }
    /// ```
    pub fn emit_with_ack<R: FromArgs>(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> AckRequests<R> {
        let question = AckEvent::new(event, data.to_args());
        AckRequests { target: self.clone(), question, timeout: None, answer: PhantomData }
    }
}

impl Namespace {
    /// Sends a request to every socket of the namespace; see [`Target::emit_with_ack`].
    pub fn emit_with_ack<R: FromArgs>(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> AckRequests<R> {
        self.all().emit_with_ack(event, data)
    }
}

impl<R> AckRequests<R> {
    /// Sets the timeout for all answers together. Default: the server's.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<R: FromArgs> AckRequests<R> {
    async fn ask(self) -> Responses<R> {
        let recipients = self.target.select();
        let default = recipients.iter().next().map_or(Duration::ZERO, |session| session.request_timeout);
        let delivery = match self.target.delivery() {
            Delivery::Volatile => Delivery::Volatile,
            Delivery::Event | Delivery::Answer => Delivery::Answer,
        };
        let ask = |session: &Arc<Session>| match &self.question {
            Ok(question) => {
                question.ask(session, |frame| self.target.push_frame((session, recipients.leaves), &frame, delivery))
            }
            Err(error) => Err(RequestError::from(*error)),
        };
        // A socket that left the room after the list was made gets no request.
        let has_left = |session: &Session, asked: &Result<PendingAck, RequestError>| {
            matches!(asked, Err(RequestError::Unsent(SendError::Closed))) && !session.gone.is_cancelled()
        };
        // All requests are sent before the first answer is awaited.
        let here = recipients.iter().filter(|session| !session.is_away());
        let asked = here.map(|session| (session, ask(session)));
        let asked = asked.filter(|(session, asked)| !has_left(session, asked));
        let asked: Vec<_> = asked.map(|(session, asked)| (session.id.clone(), asked)).collect();
        drop(recipients);
        let mut clock = pin!(sleep(self.timeout.unwrap_or(default)));
        let mut answers = Vec::with_capacity(asked.len());
        for (id, asked) in asked {
            let answer = match asked {
                Ok(asked) => asked.answer(clock.as_mut()).await,
                Err(error) => Err(error),
            };
            answers.push((id, answer));
        }
        Responses(answers)
    }
}

impl<R: FromArgs + Send + 'static> IntoFuture for AckRequests<R> {
    type Output = Responses<R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Responses<R>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.ask())
    }
}

impl<R> Responses<R> {
    /// Number of sockets that were sent the request.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if no socket was sent the request.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each socket's id with its answer or its failure.
    pub fn iter(&self) -> impl Iterator<Item = (&SocketId, Result<&R, &RequestError>)> {
        self.0.iter().map(|(id, answer)| (id, answer.as_ref()))
    }

    /// The answers that arrived.
    pub fn arrived(&self) -> impl Iterator<Item = &R> {
        self.0.iter().filter_map(|(_, answer)| answer.as_ref().ok())
    }

    /// The answers of all sockets.
    ///
    /// # Errors
    ///
    /// The unchanged [`Responses`] if any socket did not answer.
    pub fn all(self) -> Result<Vec<R>, Self> {
        if self.0.iter().any(|(_, answer)| answer.is_err()) {
            return Err(self);
        }
        Ok(self.0.into_iter().filter_map(|(_, answer)| answer.ok()).collect())
    }
}

impl<R> IntoIterator for Responses<R> {
    type Item = (SocketId, Result<R, RequestError>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<R: fmt::Debug> fmt::Debug for Responses<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.iter()).finish()
    }
}

/// The event of a request.
#[derive(Debug)]
struct AckEvent {
    event: String,
    content: Content,
}

impl AckEvent {
    fn new(event: &str, args: Result<RawArgs, serde_json::Error>) -> Result<Self, SendError> {
        if is_reserved(event) {
            return Err(SendError::Reserved);
        }
        let content = args.map_err(|_| SendError::Unserializable)?.into_content();
        Ok(Self { event: event.to_owned(), content })
    }

    fn ask(
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
        session.tell_listeners(&self.event);
        let question = Outgoing::Ask { event: &self.event, content: self.content.lend(), ask: number };
        push(session.encode(&question))?;
        Ok(asked)
    }
}

/// A pending request. Dropping it frees its slot among the pending acks.
struct PendingAck {
    session: Arc<Session>,
    number: u64,
    answer: oneshot::Receiver<AckResult>,
}

impl PendingAck {
    /// Waits for the answer until `clock` elapses.
    async fn answer<R: FromArgs>(mut self, mut clock: Pin<&mut Sleep>) -> Result<R, RequestError> {
        match poll_fn(|task| self.poll(task, clock.as_mut())).await? {
            Ok(payload) => R::from_args(payload.into()).map_err(RequestError::Unreadable),
            Err(json) => Err(RequestError::Refused(serde_json::from_str(&json).unwrap_or(Value::Null))),
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
