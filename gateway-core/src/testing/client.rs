//! A client in memory. Like a browser, the client reads in the background, answers pings, and answers a close.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::metrics::TestLog;
use crate::protocol::{CloseCode, Disconnect, Event, Message, ToArgs};
use crate::server::HandshakeRejection;
use crate::testing::dialect::{Dialect, Heard, LostConnection, TestArgs};
use crate::testing::frame::{Closed, ConnectError, Failure, Received};
use crate::transport::memory::{ClientFrame, MemoryPeer};

/// Time limit of an expectation. A paused clock reaches it as soon as no task has work left.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connected client.
#[derive(Debug)]
pub struct TestClient {
    peer: MemoryPeer,
    inbox: VecDeque<Received>,
    closed: Option<Closed>,
    /// Set once the server has ended the namespace while the connection stays open.
    has_left: bool,
    last_id: u64,
    dialect: Dialect,
    /// The server's answer to the namespace request, in formats that have one.
    verdict: Option<Result<(), Failure>>,
    /// The server's refusal of the handshake, if any.
    rejection: Option<oneshot::Receiver<HandshakeRejection>>,
    /// The server's log about this client's messages.
    test_log: TestLog,
}

impl TestClient {
    pub(super) fn new(peer: MemoryPeer, dialect: Dialect) -> Self {
        Self {
            peer,
            inbox: VecDeque::new(),
            closed: None,
            has_left: false,
            last_id: 0,
            dialect,
            verdict: None,
            rejection: None,
            test_log: TestLog::default(),
        }
    }

    pub(super) fn with_log(self, test_log: TestLog) -> Self {
        Self { test_log, ..self }
    }

    pub(super) fn rejected_by(self, rejection: oneshot::Receiver<HandshakeRejection>) -> Self {
        Self { rejection: Some(rejection), ..self }
    }

    /// Waits until the connect hook has accepted.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Rejected`] when a guard refused before the upgrade, [`ConnectError::Refused`] when a guard or the hook
    /// refused after the upgrade, [`ConnectError::Closed`] when the connection ended without an answer.
    pub async fn admitted(&mut self) -> Result<(), ConnectError> {
        if self.dialect.is_greeted() {
            while self.verdict.is_none() && self.read_one().await {}
            if let Some(verdict) = self.verdict.take() {
                return verdict.map_err(|failure| ConnectError::Refused(failure, None));
            }
        }
        if poll_fn(|context| self.peer.poll_admitted(context)).await {
            return Ok(());
        }
        if let Some(rejection) = self.rejection.take().and_then(|mut rejection| rejection.try_recv().ok()) {
            return Err(ConnectError::Rejected { status: rejection.status(), text: rejection.text().to_owned() });
        }
        let mut refusal = None;
        while let Ok(received) = self.receive().await {
            if let Received::Exception { id: None, failure } = received {
                refusal = Some(failure);
            }
        }
        let closed = self.closed.clone().flatten();
        Err(refusal.map_or(ConnectError::Closed(closed.clone()), |failure| ConnectError::Refused(failure, closed)))
    }

    /// Sends an event without waiting for an answer. Several arguments are [`Args`](crate::extract::Args)`((one, other))`.
    pub async fn emit(&mut self, event: &str, data: impl ToArgs) {
        let messages = self.dialect.event(event, TestArgs::new(data), None);
        self.send_all(messages).await;
    }

    /// Sends a request and waits for its answer. Other messages that arrive meanwhile stay unread.
    ///
    /// # Errors
    ///
    /// The [`Failure`] the server answered with.
    ///
    /// # Panics
    ///
    /// When no answer arrives, the connection ends, or the answer is not an `R`.
    pub async fn emit_with_ack<R: DeserializeOwned>(&mut self, event: &str, data: impl ToArgs) -> Result<R, Failure> {
        let id = self.begin(event, data).await;
        match self.about(id, event).await {
            Received::Exception { failure, .. } => Err(failure),
            Received::Reply { data, more: false, .. } => Ok(read(data, event)),
            other => panic!("`{event}` was answered by a stream, which `stream` reads: {other:?}"),
        }
    }

    /// Presents new credentials on the connection, and waits until the guards have accepted them.
    ///
    /// # Errors
    ///
    /// The [`Failure`] the server answered with.
    ///
    /// # Panics
    ///
    /// When no answer arrives.
    pub async fn renew(&mut self, credentials: impl ToArgs) -> Result<(), Failure> {
        self.last_id += 1;
        let messages = self.dialect.renewal(TestArgs::new(credentials), self.last_id);
        self.send_all(messages).await;
        match self.about(self.last_id, "new credentials").await {
            Received::Exception { failure, .. } => Err(failure),
            _ => Ok(()),
        }
    }

    /// Sends a request that is answered by a stream.
    pub async fn stream(&mut self, event: &str, data: impl ToArgs) -> TestStream<'_> {
        let id = self.begin(event, data).await;
        TestStream { client: self, id, event: event.to_owned() }
    }

    /// Sends a request and returns its id, without waiting for its answer.
    pub async fn begin(&mut self, event: &str, data: impl ToArgs) -> u64 {
        self.last_id += 1;
        let messages = self.dialect.event(event, TestArgs::new(data), Some(self.last_id));
        self.send_all(messages).await;
        self.last_id
    }

    /// Waits for the first unread event of type `E`; others stay unread.
    ///
    /// # Panics
    ///
    /// When no such event arrives, or its payload is not an `E`.
    pub async fn expect<E: Event + DeserializeOwned>(&mut self) -> E {
        read(self.expect_named(E::NAME).await, E::NAME)
    }

    /// Waits for the first unread event of this name; others stay unread.
    ///
    /// # Panics
    ///
    /// When no such event arrives.
    pub async fn expect_named(&mut self, name: &str) -> Value {
        let is_it = |received: &Received| matches!(received, Received::Event { event, .. } if event == name);
        match self.wait_for(&format!("the event `{name}`"), is_it).await {
            Received::Event { data, .. } => data,
            other => unreachable!("{other:?}"),
        }
    }

    /// Waits for the first unread exception that belongs to no request.
    ///
    /// # Panics
    ///
    /// When no such exception arrives.
    pub async fn expect_exception(&mut self) -> Failure {
        match self.wait_for("an exception", |received| matches!(received, Received::Exception { id: None, .. })).await {
            Received::Exception { failure, .. } => failure,
            other => unreachable!("{other:?}"),
        }
    }

    /// Waits for a request of the server and returns its number and payload; [`TestClient::answer`] takes the number.
    ///
    /// # Panics
    ///
    /// When no such request arrives.
    pub async fn expect_question(&mut self, name: &str) -> (u64, Value) {
        let is_it = |received: &Received| matches!(received, Received::Question { event, .. } if event == name);
        match self.wait_for(&format!("the question `{name}`"), is_it).await {
            Received::Question { ask, data, .. } => (ask, data),
            other => unreachable!("{other:?}"),
        }
    }

    /// Answers a request of the server.
    pub async fn answer(&mut self, ask: u64, data: impl ToArgs) {
        let messages = self.dialect.answer(ask, TestArgs::new(data));
        self.send_all(messages).await;
    }

    /// Answers a request of the server with an error.
    pub async fn answer_with_error<T: Serialize>(&mut self, ask: u64, error: T) {
        let message = self.dialect.object(&json!({ "answer": ask, "error": error }));
        self.send_message(message).await;
    }

    /// Waits until the server has no work left and checks that no message is unread. Exact on a paused clock
    /// (`#[tokio::test(start_paused = true)]`); on a running clock the wait is one millisecond.
    ///
    /// # Panics
    ///
    /// When a message is unread.
    pub async fn expect_nothing(&mut self) {
        // A paused clock advances only when every task is idle.
        sleep(Duration::from_millis(1)).await;
        self.read_what_came();
        assert!(self.inbox.is_empty(), "expected nothing, but there is {:?}{}", self.inbox, self.story());
    }

    /// Waits for the next unread message of any kind.
    ///
    /// # Panics
    ///
    /// When no message arrives or the connection ends.
    pub async fn next(&mut self) -> Received {
        self.wait_for("a message", |_| true).await
    }

    /// Sends a text message unchanged, well-formed or not.
    pub async fn send_text(&mut self, text: &str) {
        self.peer.send(ClientFrame::Message(text.into()));
        tokio::task::yield_now().await;
    }

    async fn send_all(&mut self, messages: Vec<Message>) {
        for message in messages {
            self.send_message(message).await;
        }
    }

    /// Sends a whole message unchanged, as to a raw gateway.
    pub async fn send_message(&mut self, message: impl Into<Message>) {
        self.peer.send(ClientFrame::Message(message.into()));
        tokio::task::yield_now().await;
    }

    /// Stops reading: pings stay unanswered, and the server's messages queue up on its side.
    pub fn stop_reading(&mut self) {
        self.peer.pause();
    }

    /// Resumes reading.
    pub fn read_on(&mut self) {
        self.peer.resume();
    }

    /// Closes the connection and waits for the server's close.
    pub async fn close(self) -> Closed {
        self.close_with(CloseCode::NORMAL, "").await
    }

    /// Closes the connection with a code and reason and waits for the server's close.
    pub async fn close_with(mut self, code: CloseCode, reason: &str) -> Closed {
        self.peer.send(ClientFrame::Close(Some(Disconnect::new(code, reason.to_owned()))));
        self.closed().await
    }

    /// Waits for the end of the connection, or of the namespace if the client speaks Socket.IO. Messages that arrive before
    /// stay unread.
    ///
    /// # Panics
    ///
    /// When the connection does not end.
    pub async fn closed(&mut self) -> Closed {
        let patience = timeout(PATIENCE, async { while !self.has_left && self.read_one().await {} });
        let is_over = patience.await.is_ok();
        assert!(is_over, "the connection was expected to end; unread: {:?}{}", self.inbox, self.story());
        self.closed.clone().flatten()
    }

    /// Returns `true` if the server resumed the socket of an earlier connection.
    #[must_use]
    pub fn is_recovered(&self) -> bool {
        self.dialect.is_recovered()
    }

    /// Drops the connection without a close. The returned data lets another client resume the socket, if the server has
    /// recovery and the client speaks Socket.IO or is [`resumable`](crate::testing::ConnectBuilder::resumable).
    #[must_use]
    pub fn lose(mut self) -> LostConnection {
        self.lost_unnoticed()
    }

    /// Returns the data of [`TestClient::lose`] and keeps the connection open: another client can resume the socket before
    /// the server detects the loss, as when a phone changes its network.
    #[must_use]
    pub fn lost_unnoticed(&mut self) -> LostConnection {
        self.read_what_came();
        self.dialect.lost()
    }

    async fn about(&mut self, id: u64, event: &str) -> Received {
        self.wait_for(&format!("an answer to `{event}`"), |received| received.is_about(id)).await
    }

    async fn wait_for(&mut self, what: &str, is_it: impl Fn(&Received) -> bool) -> Received {
        loop {
            if let Some(index) = self.inbox.iter().position(&is_it) {
                return self.inbox.remove(index).expect("the position was just found");
            }
            let arrived = timeout(PATIENCE, self.read_one()).await;
            let Self { inbox, closed, .. } = &*self;
            let more = arrived.unwrap_or_else(|_| panic!("{what} did not come; unread: {inbox:?}{}", self.story()));
            assert!(more, "the connection ended ({closed:?}) before {what} came; unread: {inbox:?}{}", self.story());
        }
    }

    /// The test log, for the message of a failed test.
    fn story(&self) -> String {
        let lines = self.test_log.lines();
        if lines.is_empty() {
            return "\nnothing that this client sent has come to the server".to_owned();
        }
        lines.iter().fold("\nwhat became of what this client sent:".to_owned(), |story, line| story + "\n  " + line)
    }

    async fn receive(&mut self) -> Result<Received, Closed> {
        loop {
            if let Some(received) = self.inbox.pop_front() {
                return Ok(received);
            }
            if !self.read_one().await {
                return Err(self.closed.clone().flatten());
            }
        }
    }

    /// Moves one frame into the inbox; returns `false` at the end.
    async fn read_one(&mut self) -> bool {
        match poll_fn(|context| self.peer.poll_receive(context)).await {
            Ok(message) => {
                self.hear(message);
                true
            }
            Err(closed) => {
                self.closed = Some(closed);
                false
            }
        }
    }

    fn read_what_came(&mut self) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        while let std::task::Poll::Ready(Ok(message)) = self.peer.poll_receive(&mut context) {
            self.hear(message);
        }
    }

    fn hear(&mut self, message: Message) {
        match self.dialect.read(message) {
            Heard::Received(received) => self.inbox.push_back(received),
            Heard::Admitted => {
                self.verdict = Some(Ok(()));
                self.has_left = false;
            }
            Heard::Refused(failure) => self.verdict = Some(Err(failure)),
            Heard::Left => self.has_left = true,
            Heard::Nothing => {}
        }
    }
}

/// The answer to a request as a stream of items.
#[derive(Debug)]
pub struct TestStream<'a> {
    client: &'a mut TestClient,
    id: u64,
    event: String,
}

impl TestStream<'_> {
    /// Waits for the next item; returns `None` at the stream's end.
    ///
    /// # Errors
    ///
    /// The [`Failure`] the stream ended with.
    ///
    /// # Panics
    ///
    /// When no item arrives or the item is not an `R`.
    pub async fn next<R: DeserializeOwned>(&mut self) -> Option<Result<R, Failure>> {
        let Self { client, id, event } = self;
        let by_events = client.dialect.streams_by_events();
        let is_it = |received: &Received| match received {
            Received::Event { event: name, .. } => by_events && name == event,
            received => received.is_about(*id),
        };
        match client.wait_for(&format!("an answer to `{event}`"), is_it).await {
            Received::End { .. } => None,
            // There an ack without a value ends the stream.
            Received::Reply { data: Value::Null, .. } if by_events => None,
            Received::Exception { failure, .. } => Some(Err(failure)),
            Received::Reply { data, .. } | Received::Event { data, .. } => Some(Ok(read(data, event))),
            other => unreachable!("{other:?}"),
        }
    }

    /// Collects all items up to the end.
    ///
    /// # Errors
    ///
    /// The [`Failure`] the stream ended with.
    ///
    /// # Panics
    ///
    /// As [`TestStream::next`].
    pub async fn collect<R: DeserializeOwned>(mut self) -> Result<Vec<R>, Failure> {
        let mut items = Vec::new();
        while let Some(item) = self.next().await {
            items.push(item?);
        }
        Ok(items)
    }

    /// Cancels the stream.
    pub async fn cancel(&mut self) {
        let cancel = self.client.dialect.object(&json!({ "cancel": self.id }));
        self.client.send_message(cancel).await;
    }
}

fn read<R: DeserializeOwned>(data: Value, event: &str) -> R {
    let text = data.to_string();
    serde_json::from_value(data)
        .unwrap_or_else(|error| panic!("the data of `{event}` cannot be read ({error}): {text}"))
}
