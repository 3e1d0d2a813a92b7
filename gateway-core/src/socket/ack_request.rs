//! Requests from the server to its clients, and the acknowledgements that answer them.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::hub::{AckEvent, AskedSockets, Namespace, RequestError, Target};
use crate::protocol::{FromArgs, RawArgs, ToArgs};
use crate::session::{Delivery, SendError, Session, SocketId};

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
        // All requests are sent before the first answer is awaited.
        let AskedSockets { pending, default_timeout } = AskedSockets::ask(&self.target, &self.question);
        let mut clock = pin!(sleep(self.timeout.or(default_timeout).unwrap_or_default()));
        let mut answers = Vec::with_capacity(pending.len());
        for (id, asked) in pending {
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
