//! Questions of the server to its clients, and their answers.

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

/// A question to a client. Nothing is sent before it is awaited; dropping the wait forgets the question.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct AckRequest<R> {
    session: Arc<Session>,
    question: Result<AckEvent, SendError>,
    timeout: Duration,
    answer: PhantomData<fn() -> R>,
}

/// A question to every socket of a target. Nothing is sent before it is awaited; dropping the wait forgets it.
#[derive(Debug)]
#[must_use = "a question is sent when it is awaited"]
pub struct AckRequests<R> {
    target: Target,
    question: Result<AckEvent, SendError>,
    /// The server's default where `None`.
    timeout: Option<Duration>,
    answer: PhantomData<fn() -> R>,
}

/// Answers of the sockets of a target, or each failure. In no order.
pub struct Responses<R>(Vec<(SocketId, Result<R, RequestError>)>);

/// Why a client did not answer a question.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The connect hook has not accepted yet, so the client cannot be asked: it would wait for the hook, and the hook for it.
    #[error("a client cannot be asked while its connect hook runs")]
    NotConnected,
    /// As many questions as the limit allows wait already.
    #[error("too many questions to this client wait for an answer")]
    TooMany,
    /// The question could not be sent.
    #[error("the question could not be sent")]
    Unsent(#[source] SendError),
    /// The question's data cannot be written as JSON.
    #[error("the question cannot be serialised")]
    Unserializable,
    /// No answer came in time.
    #[error("operation has timed out")]
    Timeout,
    /// The client left before it answered.
    #[error("the client is gone")]
    Gone,
    /// The client answered with an error of its own.
    #[error("the client answered with an error: {0}")]
    Refused(Value),
    /// The answer is not what was asked for.
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

    /// Waits this long instead of the server's default.
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
    /// Asks every socket that is meant and here, not those that are away and may resume; await the result for their
    /// answers. What came until the timeout is kept, whoever
    /// else did not answer.
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
    /// Asks everybody, as [`Target::emit_with_ack`] does.
    pub fn emit_with_ack<R: FromArgs>(&self, event: &str, data: &(impl ToArgs + ?Sized)) -> AckRequests<R> {
        self.all().emit_with_ack(event, data)
    }
}

impl<R> AckRequests<R> {
    /// Waits this long for all of them together, instead of the server's default.
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
        // Who left the room since they were listed is not asked.
        let has_left = |session: &Session, asked: &Result<PendingAck, RequestError>| {
            matches!(asked, Err(RequestError::Unsent(SendError::Closed))) && !session.gone.is_cancelled()
        };
        // Everybody is asked before anybody's answer is waited for.
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
    /// Number of sockets asked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns `true` if no socket was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The answer of each socket, or why there is none.
    pub fn iter(&self) -> impl Iterator<Item = (&SocketId, Result<&R, &RequestError>)> {
        self.0.iter().map(|(id, answer)| (id, answer.as_ref()))
    }

    /// The answers that came.
    pub fn arrived(&self) -> impl Iterator<Item = &R> {
        self.0.iter().filter_map(|(_, answer)| answer.as_ref().ok())
    }

    /// The answers of all sockets.
    ///
    /// # Errors
    ///
    /// The answers that arrived, where one is missing.
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

/// The event that is asked.
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

/// A question whose answer is waited for. Its place is free again however the wait ends.
struct PendingAck {
    session: Arc<Session>,
    number: u64,
    answer: oneshot::Receiver<AckResult>,
}

impl PendingAck {
    /// The answer, where it comes before the clock has run down.
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
                self.session.counters.add(Counter::UnansweredRequests);
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
