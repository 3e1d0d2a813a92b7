//! A client in memory that listens by server-sent events: the real HTTP requests and responses, without a port.

use std::collections::VecDeque;
use std::future::IntoFuture;
use std::pin::Pin;
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::protocol::Event;
use crate::server::{Body, GatewayService};
use crate::testing::frame::{ConnectError, Failure, Received};

/// Time limit of an expectation. A paused clock reaches it as soon as no task has work left.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client that does not listen yet.
#[derive(Debug)]
#[must_use = "a client connects when it is awaited"]
pub struct EventStreamBuilder {
    service: GatewayService,
    path: String,
    headers: Vec<(String, String)>,
}

/// A client that listens by server-sent events, and sends by POSTs.
#[derive(Debug)]
pub struct EventStreamClient {
    service: GatewayService,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Body>,
    parser: EventParser,
    inbox: VecDeque<StreamedEvent>,
    stream: String,
    last_id: u64,
}

/// An event as an `EventSource` has it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StreamedEvent {
    name: String,
    data: String,
    last_event_id: String,
}

/// The parser of WHATWG HTML §9.2.6, for streams whose lines end in `\n`.
#[derive(Debug, Default)]
struct EventParser {
    rest: String,
    event: StreamedEvent,
    has_data: bool,
    last_event_id: String,
    retry: Option<Duration>,
}

impl EventStreamBuilder {
    pub(super) fn new(service: GatewayService, path: &str) -> Self {
        Self { service, path: path.to_owned(), headers: Vec::new() }
    }

    /// Adds a header, also to the client's POSTs.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Resumes behind this event, as an `EventSource` does that has lost its connection.
    pub fn last_event_id(self, id: &str) -> Self {
        self.header("last-event-id", id)
    }

    async fn connect(self) -> Result<EventStreamClient, ConnectError> {
        let Self { service, path, headers } = self;
        let mut request = Request::get(&path).header(ACCEPT, "text/event-stream");
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let response = answer(&service, request.body(Body::empty())).await;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Err(ConnectError::NotFound);
        }
        if status != StatusCode::OK {
            let text = text_of(response).await;
            return Err(match serde_json::from_str(&text) {
                Ok(payload) => ConnectError::Refused(Failure::new(payload), None),
                Err(_) => ConnectError::Rejected { status, text: text.trim_end().to_owned() },
            });
        }
        let mut client = EventStreamClient {
            service,
            path,
            headers,
            body: Some(response.into_body()),
            parser: EventParser::default(),
            inbox: VecDeque::new(),
            stream: String::new(),
            last_id: 0,
        };
        match client.next().await {
            Some(event) if event.name == "gateway:stream" => {
                event.data::<Value>()["stream"].as_str().unwrap_or_default().clone_into(&mut client.stream);
                Ok(client)
            }
            Some(event) if event.name == "exception" => Err(ConnectError::Refused(Failure::new(event.data()), None)),
            Some(_) | None => Err(ConnectError::Closed(None)),
        }
    }
}

impl IntoFuture for EventStreamBuilder {
    type Output = Result<EventStreamClient, ConnectError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

impl EventStreamClient {
    /// Waits for the next unread event; `None` at the end of the stream.
    ///
    /// # Panics
    ///
    /// When nothing arrives.
    pub async fn next(&mut self) -> Option<StreamedEvent> {
        if let Some(event) = self.inbox.pop_front() {
            return Some(event);
        }
        let read = timeout(PATIENCE, async { while self.inbox.is_empty() && self.read_one().await {} });
        assert!(read.await.is_ok(), "an event was expected, but nothing came");
        self.inbox.pop_front()
    }

    /// Waits for the first unread event of type `E`; others stay unread.
    ///
    /// # Panics
    ///
    /// When no such event arrives, or its payload is not an `E`.
    pub async fn expect<E: Event + DeserializeOwned>(&mut self) -> E {
        self.expect_named(E::NAME).await.data()
    }

    /// Waits for the first unread event of this name; others stay unread.
    ///
    /// # Panics
    ///
    /// When no such event arrives.
    pub async fn expect_named(&mut self, name: &str) -> StreamedEvent {
        let is_it = |event: &StreamedEvent| event.name == name;
        let read = timeout(PATIENCE, async { while !self.inbox.iter().any(is_it) && self.read_one().await {} });
        let _ = read.await;
        let place = self.inbox.iter().position(is_it);
        let found = place.and_then(|place| self.inbox.remove(place));
        found.unwrap_or_else(|| panic!("the event `{name}` was expected; unread: {:?}", self.inbox))
    }

    /// Waits until the server has no work left and checks that no event is unread. Exact on a paused clock.
    ///
    /// # Panics
    ///
    /// When an event is unread.
    pub async fn expect_nothing(&mut self) {
        let _ = timeout(Duration::from_millis(1), async { while self.read_one().await {} }).await;
        assert!(self.inbox.is_empty(), "expected nothing, but there is {:?}", self.inbox);
    }

    /// Sends an event without waiting for its handler.
    ///
    /// # Panics
    ///
    /// When the POST is not accepted.
    pub async fn emit<T: Serialize>(&mut self, event: &str, data: T) {
        let (status, text) = self.post(&json!({ "event": event, "data": data }).to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "`{event}` was not accepted: {text}");
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    ///
    /// The [`Failure`] the server answered with.
    ///
    /// # Panics
    ///
    /// When the answer is not an `R`, or a stream.
    pub async fn emit_with_ack<R: DeserializeOwned>(
        &mut self,
        event: &str,
        data: impl Serialize,
    ) -> Result<R, Failure> {
        self.last_id += 1;
        let (_, text) = self.post(&json!({ "event": event, "data": data, "id": self.last_id }).to_string()).await;
        match Received::read(text.as_str().into()) {
            Received::Exception { failure, .. } => Err(failure),
            Received::Reply { data, more: false, .. } => {
                let read = serde_json::from_value(data);
                Ok(read.unwrap_or_else(|error| panic!("the answer to `{event}` cannot be read ({error}): {text}")))
            }
            _ => panic!("`{event}` was answered by {text}"),
        }
    }

    /// Answers a request of the server; its number is in the event `gateway:ask`.
    ///
    /// # Panics
    ///
    /// When the POST is not accepted.
    pub async fn answer<T: Serialize>(&mut self, ask: u64, data: T) {
        let (status, text) = self.post(&json!({ "answer": ask, "data": data }).to_string()).await;
        assert_eq!(status, StatusCode::ACCEPTED, "the answer was not accepted: {text}");
    }

    /// Sends a body unchanged, well-formed or not, and returns the status and the whole body of the response.
    pub async fn post(&self, body: &str) -> (StatusCode, String) {
        let response = self.begin_post(body).await;
        (response.status(), text_of(response).await)
    }

    /// Sends a body and returns the response once its head is there.
    ///
    /// # Panics
    ///
    /// When the path or a header is invalid.
    pub fn begin_post(&self, body: &str) -> impl Future<Output = Response<Body>> + Send + use<> {
        let path = self.path.split('?').next().unwrap_or_default();
        let mut request =
            Request::post(path).header("gateway-stream", &self.stream).header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let (service, request) = (self.service.clone(), request.body(Body::from(body.to_owned())));
        async move { answer(&service, request).await }
    }

    /// The id of the stream, which POSTs name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// The id that an `EventSource` would send to resume; empty before the first.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.parser.last_event_id
    }

    /// The latest pause before a reconnect that the server has asked for.
    #[must_use]
    pub fn retry(&self) -> Option<Duration> {
        self.parser.retry
    }

    /// Ends the connection without a word, as every `EventSource` does.
    pub async fn close(mut self) {
        self.body = None;
        sleep(Duration::from_millis(1)).await;
    }

    /// Reads one piece of the stream. Returns `false` at its end.
    async fn read_one(&mut self) -> bool {
        let Some(body) = &mut self.body else { return false };
        let Some(Ok(frame)) = body.frame().await else {
            self.body = None;
            return false;
        };
        let bytes = frame.into_data().unwrap_or_default();
        self.inbox.extend(self.parser.feed(&String::from_utf8_lossy(&bytes)));
        true
    }
}

async fn answer(service: &GatewayService, request: http::Result<Request<Body>>) -> Response<Body> {
    let request = request.expect("a path and headers that are valid");
    match service.clone().answer(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn text_of(response: Response<Body>) -> String {
    let collected = response.into_body().collect().await.map(http_body_util::Collected::to_bytes);
    String::from_utf8_lossy(&collected.unwrap_or_default()).into_owned()
}

impl StreamedEvent {
    /// The name of the event.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The payload as the stream has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.data
    }

    /// The id of the event, or of the last event with one.
    #[must_use]
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Reads the payload.
    ///
    /// # Panics
    ///
    /// When the payload is not a `T`.
    #[must_use]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        let read = serde_json::from_str(&self.data);
        read.unwrap_or_else(|error| panic!("the data of `{}` cannot be read ({error}): {}", self.name, self.data))
    }
}

impl EventParser {
    fn feed(&mut self, text: &str) -> Vec<StreamedEvent> {
        self.rest.push_str(text);
        let mut events = Vec::new();
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            self.rest = rest;
            events.extend(self.line(&line));
        }
        events
    }

    fn line(&mut self, line: &str) -> Option<StreamedEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let name = if event.name.is_empty() { "message".to_owned() } else { event.name };
            let last_event_id = self.last_event_id.clone();
            return std::mem::take(&mut self.has_data).then_some(StreamedEvent { name, last_event_id, ..event });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "id" => value.clone_into(&mut self.last_event_id),
            "retry" => self.retry = value.parse().ok().map(Duration::from_millis).or(self.retry),
            _ => {}
        }
        None
    }
}
