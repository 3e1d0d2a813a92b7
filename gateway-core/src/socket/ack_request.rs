//! Requests from the server to its clients, and the acknowledgements that answer them.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use crate::hub::{AckEvent, AskedSockets, Namespace, PendingAck, RequestError, Target};
use crate::protocol::cluster::{EventPacket, Question};
use crate::protocol::{FromArgs, RawArgs, ToArgs};
use crate::session::{Delivery, SendError, Session, SocketId};
use crate::socket::responses::Responses;

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
    async fn send_and_wait(self) -> Result<R, RequestError> {
        let session = self.session.current();
        let asked = self.question?.send(&session, |frame| session.push(frame, Delivery::Answer))?;
        asked.answer(pin!(sleep(self.timeout))).await
    }
}

impl<R: FromArgs + Send + 'static> IntoFuture for AckRequest<R> {
    type Output = Result<R, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send_and_wait())
    }
}

impl Target {
    /// Sends a request to every selected socket; await the result for the answers. Disconnected sockets that may still resume
    /// are skipped. Answers that arrive before the timeout are kept even if others are missing. In a cluster the sockets of all
    /// nodes are asked.
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
    /// Sets the timeout for all answers together. Default: the server's
    /// [`request_timeout`](crate::limits::Limits::request_timeout), or that of the cluster if this server has none of the sockets.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<R: FromArgs> AckRequests<R> {
    async fn send_and_wait(self) -> Responses<R> {
        // All requests are sent before the first answer is awaited.
        let AskedSockets { pending, default_timeout } = AskedSockets::send(&self.target, &self.question);
        let time = self.timeout.or(default_timeout);
        let sockets = answers(pending, time.unwrap_or_default());
        let Some((cluster, Ok(question))) = self.target.cluster().zip(Some(self.question)) else {
            return Responses { sockets: sockets.await, ..Responses::default() };
        };
        let (event, args) = question.into_parts();
        let (packet, mut to) = (EventPacket { event, args }, self.target.selector());
        let time = time.unwrap_or(cluster.request_timeout());
        to.flags.timeout = Some(time);
        let question = Question::BroadcastWithAck { packet, to };
        let others = cluster.ask(&self.target.space().name, question, time);
        let (sockets, others) = tokio::join!(sockets, others);
        Responses { sockets, ..Responses::from_other_nodes(others) }
    }
}

/// The requests to this node's sockets.
type PendingAnswers = Vec<(SocketId, Result<PendingAck, RequestError>)>;

/// Waits for the answers of this node's sockets.
async fn answers<R: FromArgs>(pending: PendingAnswers, time: Duration) -> Vec<(SocketId, Result<R, RequestError>)> {
    let mut clock = pin!(sleep(time));
    let mut answers = Vec::with_capacity(pending.len());
    for (id, asked) in pending {
        let answer = match asked {
            Ok(asked) => asked.answer(clock.as_mut()).await,
            Err(error) => Err(error),
        };
        answers.push((id, answer));
    }
    answers
}

impl<R: FromArgs + Send + 'static> IntoFuture for AckRequests<R> {
    type Output = Responses<R>;
    type IntoFuture = Pin<Box<dyn Future<Output = Responses<R>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send_and_wait())
    }
}
