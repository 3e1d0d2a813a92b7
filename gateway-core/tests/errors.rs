//! Rows of `docs/errors.md` that one client in memory can show, and checks that its tables are complete.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::fs;
use std::future::pending;
use std::path::{Path as File, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use gateway_core::{CloseCode, Disconnect};
use serde_json::{Value, json};
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::{Level, Metadata, Subscriber};

#[derive(Debug, thiserror::Error)]
#[error("secret")]
struct Secret;

#[derive(Debug, thiserror::Error, Exception)]
enum Trouble {
    #[error("you are muted")]
    #[exception(code = "muted")]
    Muted,
    #[error("secret")]
    #[exception(hide)]
    Store,
}

#[gateway(namespace = "/errors")]
struct Errors;

#[gateway]
impl Errors {
    #[subscribe]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }

    #[subscribe]
    fn number(&self, _: Data<u8>) {}

    #[subscribe]
    fn unprovided(&self, found: Result<State<u128>, Rejection>) -> Result<(), Rejection> {
        found.map(drop)
    }

    #[subscribe]
    fn muted(&self) -> Result<(), Trouble> {
        Err(Trouble::Muted)
    }

    #[subscribe]
    fn store(&self) -> Result<(), Trouble> {
        Err(Trouble::Store)
    }

    #[subscribe]
    fn hidden(&self) -> Result<(), Exception> {
        Err(Exception::hidden("disk", &Secret))
    }

    #[subscribe]
    fn unserializable(&self) -> Data<HashMap<Vec<u8>, u8>> {
        Data(HashMap::from([(vec![1], 1)]))
    }

    #[subscribe]
    fn panic(&self) {
        panic!("on request");
    }

    #[subscribe]
    fn panic_in_stream(&self) -> impl Stream<Item = u8> {
        stream::once(async { panic!("on request") })
    }

    #[subscribe]
    fn nested_stream(&self) -> Reply {
        Reply::stream(stream::iter([Reply::stream(stream::empty::<u8>())]))
    }

    #[subscribe]
    async fn never(&self) {
        pending::<()>().await;
    }

    #[subscribe]
    fn endless(&self) -> impl Stream<Item = u8> {
        stream::pending()
    }

    #[subscribe]
    fn dropped(&self, _: Ack) {}

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    /// Puts a socket that has gone into a room.
    #[subscribe]
    async fn join_another(&self, State(kept): State<Kept>) -> Result<(), Exception> {
        let socket = kept.0.lock().unwrap().clone().unwrap();
        Ok(socket.join("room").await?)
    }

    #[subscribe]
    fn send_to_another(&self, State(kept): State<Kept>) -> Result<(), Exception> {
        let socket = kept.0.lock().unwrap().clone().unwrap();
        Ok(socket.emit("news", &1)?)
    }

    #[subscribe]
    fn keep(&self, socket: Socket, State(kept): State<Kept>) {
        *kept.0.lock().unwrap() = Some(socket);
    }

    #[subscribe(concurrency = 8)]
    async fn ask(&self, socket: Socket) -> String {
        format!("{:?}", socket.emit_with_ack::<u8>("question", &()).await)
    }

    #[subscribe]
    async fn ask_strictly(&self, socket: Socket) -> Result<u8, Exception> {
        Ok(socket.emit_with_ack("question", &()).await?)
    }

    #[subscribe]
    fn credentials(&self, handshake: Handshake) -> Result<u8, Exception> {
        Ok(handshake.auth()?)
    }

    #[subscribe]
    async fn ask_unserializable(&self, socket: Socket) -> String {
        format!("{:?}", socket.emit_with_ack::<u8>("question", &HashMap::from([(vec![1], 1)])).await)
    }
}

/// A socket that outlives its connection.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Option<Socket>>>);

thread_local! {
    /// Log of this thread, level and text: a test and its connections run on one.
    static LOGGED: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// The log of all tests. It must be there before anything is logged: what was logged to nobody once is never heard.
struct Log;

impl Log {
    fn listen() {
        static LISTENING: OnceLock<()> = OnceLock::new();
        LISTENING.get_or_init(|| tracing::subscriber::set_global_default(Self).unwrap());
        LOGGED.take();
    }

    fn lines() -> Vec<(Level, String)> {
        LOGGED.with_borrow(Clone::clone)
    }

    fn has((level, text): (Level, &str)) -> bool {
        Self::lines().contains(&(level, text.to_owned()))
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("gateway_core")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);

        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }

        let mut text = Text(String::new());
        event.record(&mut text);
        LOGGED.with_borrow_mut(|lines| lines.push((*event.metadata().level(), text.0)));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

const TOLD: (Level, &str) = (Level::DEBUG, "an exception was sent to the client");
const FAILED: (Level, &str) = (Level::ERROR, "a handler or hook failed");
const HIDDEN: &str = "Internal server error";

/// Counters of failures, all of which a test looks at.
const FAILURES: [Counter; 17] = [
    Counter::UnshownEvents,
    Counter::ResetRequests,
    Counter::RejectedHandshakes,
    Counter::RefusedConnections,
    Counter::Exceptions,
    Counter::Panics,
    Counter::Timeouts,
    Counter::Overloads,
    Counter::RateLimited,
    Counter::DroppedEvents,
    Counter::SlowDisconnects,
    Counter::DroppedFrames,
    Counter::CoalescedFrames,
    Counter::ProtocolErrors,
    Counter::UnansweredRequests,
    Counter::LostSockets,
    Counter::AcceptFailures,
];

fn counted(server: &TestServer) -> Vec<Counter> {
    FAILURES.into_iter().filter(|counter| server.count(*counter) > 0).collect()
}

async fn connect() -> (TestServer, TestClient) {
    Log::listen();
    let limits = Limits::new().streams(2).rooms_per_socket(1).pending_requests(2);
    let server = Server::empty().gateway::<Errors>().provide(Kept::default()).limits(limits).test().await.unwrap();
    let client = server.connect("/errors").await.unwrap();
    (server, client)
}

/// Waits for the exception of request `id`, past whatever else there is.
async fn exception(client: &mut TestClient, wanted: Option<u64>) -> (String, String) {
    loop {
        match client.next().await {
            Received::Exception { id, failure } if id == wanted => {
                return (failure.code().unwrap_or_default().to_owned(), failure.message().to_owned());
            }
            _ => {}
        }
    }
}

/// One failure: the frame that causes it, and what is told, counted and logged. The connection lives on.
struct Row<'a> {
    frame: &'a str,
    code: &'a str,
    message: &'a str,
    counted: &'a [Counter],
    logged: (Level, &'a str),
}

impl Row<'_> {
    /// Caused by an event without an id and by a request with id 1.
    async fn check(&self) {
        let with_id = self.frame.replacen('{', r#"{"id":1,"#, 1);
        self.check_frame(&with_id, self.frame.starts_with('{').then_some(1)).await;
        self.check_frame(self.frame, None).await;
    }

    async fn check_frame(&self, frame: &str, id: Option<u64>) {
        let (server, mut client) = connect().await;
        client.send_text(frame).await;
        let (code, message) = exception(&mut client, id).await;
        assert_eq!((code.as_str(), message.as_str()), (self.code, self.message), "{frame}");
        assert_eq!(counted(&server), self.counted, "{frame}");
        assert!(Log::has(self.logged), "{frame}: {:?}", Log::lines());
        assert_eq!(client.emit_with_ack::<u8>("echo", 7).await.unwrap(), 7);
        client.expect_nothing().await;
    }
}

const EXCEPTION: &[Counter] = &[Counter::Exceptions];

#[tokio::test(start_paused = true)]
async fn a_frame_that_is_no_envelope() {
    let check = async |frame: &str, message: &str| {
        Row { frame, code: "malformed", message, counted: EXCEPTION, logged: TOLD }.check_frame(frame, None).await;
    };
    check("hello", "the frame is not a JSON object").await;
    check("[1]", "the frame is not a JSON object").await;
    check("{", "EOF while parsing an object at line 1 column 1").await;
    check(r#"{"data":1}"#, "`event` is missing").await;
    check(r#"{"event":"echo","id":1.5}"#, "an id is neither a string nor an integer of 64 bits").await;
    check(r#"{"answer":"x"}"#, "`answer` is not the number of a question").await;
    Row { frame: r#"{"data":1}"#, code: "malformed", message: "`event` is missing", counted: EXCEPTION, logged: TOLD }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_binary_frame_that_is_no_text() {
    let (server, mut client) = connect().await;
    client.send_message(Bytes::from_static(&[0xC3, 0x28])).await;
    assert_eq!(client.expect_exception().await.code(), Some("malformed"));
    assert_eq!(counted(&server), EXCEPTION);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_handler() {
    let message = "no handler for the event `nobody`";
    Row { frame: r#"{"event":"nobody"}"#, code: "unknown_event", message, counted: EXCEPTION, logged: TOLD }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_too_long() {
    let frame = format!(r#"{{"event":"{}"}}"#, "ü".repeat(5000));
    let (_server, mut client) = connect().await;
    client.send_message(frame).await;
    let failure = client.expect_exception().await;
    assert_eq!(failure.code(), Some("name_too_long"));
    assert_eq!(failure.payload()["cause"]["pattern"], "ü".repeat(128));
    let message = "the name of the event has 257 bytes";
    let frame = format!(r#"{{"event":"{}"}}"#, "a".repeat(257));
    Row { frame: &frame, code: "name_too_long", message, counted: EXCEPTION, logged: TOLD }
        .check_frame(&frame, None)
        .await;
}

#[tokio::test(start_paused = true)]
async fn data_that_is_nested_too_deeply() {
    let frame = format!(r#"{{"event":"echo","data":{}{}}}"#, "[".repeat(128), "]".repeat(128));
    Row { frame: &frame, code: "too_deep", message: "the data is nested too deeply", counted: EXCEPTION, logged: TOLD }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_cannot_be_read() {
    let message = "the data cannot be read: $: expected a whole number from 0 to 255, found a string";
    Row { frame: r#"{"event":"number","data":"x"}"#, code: "unreadable", message, counted: EXCEPTION, logged: TOLD }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_service_that_nobody_provided() {
    let logged = (Level::ERROR, "a handler requires a service that was not provided");
    Row { frame: r#"{"event":"unprovided"}"#, code: "internal", message: HIDDEN, counted: EXCEPTION, logged }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_says_no() {
    Row { frame: r#"{"event":"muted"}"#, code: "muted", message: "you are muted", counted: EXCEPTION, logged: TOLD }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_hides_why() {
    Row { frame: r#"{"event":"hidden"}"#, code: "disk", message: HIDDEN, counted: EXCEPTION, logged: FAILED }
        .check()
        .await;
    Row { frame: r#"{"event":"store"}"#, code: "internal", message: HIDDEN, counted: EXCEPTION, logged: FAILED }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_cannot_be_serialised() {
    Row {
        frame: r#"{"event":"unserializable"}"#,
        code: "unserializable",
        message: HIDDEN,
        counted: EXCEPTION,
        logged: FAILED,
    }
    .check()
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_or_a_stream_that_panics() {
    let counted = &[Counter::Exceptions, Counter::Panics];
    let logged = (Level::ERROR, "a handler panicked");
    Row { frame: r#"{"event":"panic"}"#, code: "internal", message: HIDDEN, counted, logged }.check().await;
    Row { frame: r#"{"event":"panic_in_stream"}"#, code: "internal", message: HIDDEN, counted, logged }.check().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_streams() {
    let logged = (Level::ERROR, "an item of a stream is a stream itself");
    Row { frame: r#"{"event":"nested_stream"}"#, code: "internal", message: HIDDEN, counted: EXCEPTION, logged }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long() {
    let counted = &[Counter::Exceptions, Counter::Timeouts];
    let logged = (Level::WARN, "a handler took too long");
    Row { frame: r#"{"event":"never"}"#, code: "timeout", message: "the handler took too long", counted, logged }
        .check()
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_ack_that_is_dropped() {
    let row = Row {
        frame: "",
        code: "no_reply",
        message: "the request was dropped without an answer",
        counted: EXCEPTION,
        logged: TOLD,
    };
    row.check_frame(r#"{"event":"dropped","id":1}"#, Some(1)).await;
    let (server, mut client) = connect().await;
    client.emit("dropped", ()).await;
    client.expect_nothing().await;
    assert_eq!(counted(&server), []);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_its_client_cancels() {
    for event in ["never", "endless"] {
        let (server, mut client) = connect().await;
        let id = client.begin(event, ()).await;
        client.send_text(&json!({"cancel": id}).to_string()).await;
        let expected = ("cancelled".to_owned(), "the request was cancelled by its client".to_owned());
        assert_eq!(exception(&mut client, Some(id)).await, expected);
        assert_eq!(counted(&server), EXCEPTION);
    }
}

#[tokio::test(start_paused = true)]
async fn one_stream_too_many() {
    let (server, mut client) = connect().await;
    client.begin("endless", ()).await;
    client.begin("endless", ()).await;
    let failure = client.emit_with_ack::<u8>("endless", ()).await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("overloaded"), "too many streams run"));
    assert_eq!(counted(&server), [Counter::Exceptions, Counter::Overloads]);
}

#[tokio::test(start_paused = true)]
async fn a_room_that_may_not_be_joined() {
    let (server, mut client) = connect().await;
    client.emit_with_ack::<Value>("join", "first").await.unwrap();
    let failure = client.emit_with_ack::<Value>("join", "second").await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("too_many_rooms"), "the socket is in too many rooms"));
    let _other = server.connect("/errors").await.unwrap();
    for socket in server.of("/errors").except("first").sockets() {
        let failure = client.emit_with_ack::<Value>("join", socket.id()).await.unwrap_err();
        assert_eq!((failure.code(), failure.message()), (Some("private_room"), "the room belongs to another socket"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_is_gone_is_acted_on() {
    let (server, mut gone) = connect().await;
    gone.emit_with_ack::<Value>("keep", ()).await.unwrap();
    gone.close().await;
    sleep(Duration::from_secs(1)).await;
    let mut client = server.connect("/errors").await.unwrap();
    for (event, code) in [("join_another", "gone"), ("send_to_another", "unsent")] {
        let failure = client.emit_with_ack::<Value>(event, ()).await.unwrap_err();
        assert_eq!((failure.code(), failure.message()), (Some(code), HIDDEN));
    }
    assert!(Log::has(FAILED), "{:?}", Log::lines());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_not_answered_well() {
    let (_server, mut client) = connect().await;
    let unserializable: String = client.emit_with_ack("ask_unserializable", ()).await.unwrap();
    assert_eq!(unserializable, "Err(Unserializable)");

    for _ in 0..3 {
        client.begin("ask", ()).await;
    }
    let ((first, _), (second, _)) =
        (client.expect_question("question").await, client.expect_question("question").await);
    assert_eq!(outcome(&mut client).await, "Err(TooMany)");
    client.answer(first, "no number").await;
    assert!(outcome(&mut client).await.starts_with("Err(Unreadable("));
    client.answer_with_error(second, "no").await;
    assert_eq!(outcome(&mut client).await, r#"Err(Refused(String("no")))"#);
    client.begin("ask", ()).await;
    client.expect_question("question").await;
    assert_eq!(outcome(&mut client).await, "Err(Timeout)");
}

#[tokio::test(start_paused = true)]
async fn a_question_whose_failure_is_returned() {
    let (_server, mut client) = connect().await;
    let silence = client.emit_with_ack::<u8>("ask_strictly", ()).await.unwrap_err();
    assert_eq!((silence.code(), silence.message()), (Some("no_answer"), "you did not answer in time"));
    client.expect_question("question").await;

    let id = client.begin("ask_strictly", ()).await;
    let (ask, _) = client.expect_question("question").await;
    client.answer(ask, "no number").await;
    let unreadable = ("bad_answer".to_owned(), "the client's answer cannot be read".to_owned());
    assert_eq!(exception(&mut client, Some(id)).await, unreadable);
    assert!(Log::has(TOLD) && !Log::has(FAILED), "{:?}", Log::lines());

    client.begin("ask", ()).await;
    client.begin("ask", ()).await;
    let unasked = client.emit_with_ack::<u8>("ask_strictly", ()).await.unwrap_err();
    assert_eq!((unasked.code(), unasked.message()), (Some("unasked"), HIDDEN));
    assert!(Log::has(FAILED), "{:?}", Log::lines());
}

#[tokio::test(start_paused = true)]
async fn credentials_that_are_missing_or_unreadable() {
    let (server, mut bare) = connect().await;
    let missing = bare.emit_with_ack::<u8>("credentials", ()).await.unwrap_err();
    assert_eq!((missing.code(), missing.message()), (Some("unauthorized"), "no credentials were sent"));
    let mut client = server.connect("/errors").auth("no number").await.unwrap();
    let unreadable = client.emit_with_ack::<u8>("credentials", ()).await.unwrap_err();
    assert_eq!((unreadable.code(), unreadable.message()), (Some("unauthorized"), "the credentials cannot be read"));
    assert_eq!(counted(&server), EXCEPTION);
}

/// Outcome of the question that the next handler asks.
async fn outcome(client: &mut TestClient) -> String {
    match client.next().await {
        Received::Reply { data: Value::String(outcome), .. } => outcome,
        other => panic!("{other:?}"),
    }
}

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    async fn take(&self, message: Message) -> Result<Option<Message>, Exception> {
        let Message::Text(text) = &message else { return Ok(Some(message)) };
        match text.as_str() {
            "no" => Err(Exception::message("you may not")),
            "hidden" => Err(Exception::hidden("disk", &Secret)),
            "panic" => panic!("on request"),
            "never" => pending().await,
            _ => Ok(Some(message)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_handler_that_fails() {
    let check = async |message: &str, closed: Disconnect, expected: &[Counter], logged: (Level, &str)| {
        Log::listen();
        let server = Server::empty().gateway::<Raw>().test().await.unwrap();
        let mut client = server.connect("/raw").await.unwrap();
        client.send_message("fine").await;
        assert_eq!(client.next().await, Received::Message("fine".into()));
        client.send_message(message).await;
        assert_eq!(client.closed().await, Some(closed), "{message}");
        sleep(Duration::from_secs(1)).await;
        assert_eq!(counted(&server), expected, "{message}");
        assert!(Log::has(logged), "{message}: {:?}", Log::lines());
    };
    let internal = || Disconnect::new(CloseCode::INTERNAL, "internal error");
    check("no", Disconnect::new(CloseCode::POLICY, "you may not"), &[], (Level::DEBUG, "disconnected")).await;
    check("hidden", internal(), &[], (Level::ERROR, "a raw handler failed")).await;
    check("panic", internal(), &[Counter::Panics], (Level::ERROR, "a raw handler panicked")).await;
    check("never", internal(), &[Counter::Timeouts], (Level::WARN, "a raw handler took too long")).await;
}

fn root() -> PathBuf {
    File::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The cells of each row of the tables: the failure, the client's view, the counter, the log.
fn table() -> Vec<[String; 4]> {
    let text = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let is_head = |line: &str| line.starts_with("| ---") || line.starts_with("| failure |");
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ") && !is_head(line)).collect();
    assert!(rows.len() > 150, "the tables were not found");
    let cells =
        |row: &str| -> Vec<String> { row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect() };
    rows.into_iter()
        .map(|row| cells(row).try_into().unwrap_or_else(|cells| panic!("not four cells: {cells:?}")))
        .collect()
}

/// Texts in backticks behind `word` in the cells of one column.
fn named(column: usize, word: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for row in table() {
        for rest in row[column].split(&format!("{word} `")).skip(1) {
            found.insert(rest.split('`').next().unwrap().to_owned());
        }
    }
    found
}

/// The source of the framework without tests and documentation, joined over line breaks.
fn source() -> String {
    fn read(folder: &File, source: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, source);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(path).unwrap();
                let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                source.extend(text.lines().map(str::trim).filter(|line| !line.starts_with("//")));
            }
        }
    }
    let mut source = String::new();
    read(&root().join("gateway-core/src"), &mut source);
    read(&root().join("gateway-jwt/src"), &mut source);
    source
}

/// The literal that directly follows each `call(`.
fn literals(source: &str, call: &str) -> BTreeSet<String> {
    let call = format!("{call}(");
    let arguments = source.split(&call).skip(1);
    let literals = arguments.filter_map(|rest| rest.trim_start().strip_prefix('"'));
    literals.map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn the_table_has_every_code_of_the_framework_and_no_other() {
    let source = source();
    let calls = [
        "Exception::framework",
        "Self::framework",
        "Rejection::new",
        "Rejection::from_faults",
        "Exception::hidden",
        "PostFailure::new",
        "Self::hidden",
    ];
    let used: BTreeSet<_> = calls.iter().flat_map(|call| literals(&source, call)).collect();
    assert!(used.len() > 10, "{used:?}");
    assert_eq!(named(1, "code"), used);
}

#[test]
fn the_table_has_every_close_code_and_no_other() {
    let source = fs::read_to_string(root().join("gateway-core/src/protocol/close.rs")).unwrap();
    let constants =
        source.lines().filter_map(|line| line.trim().strip_prefix("pub const ")?.split_once("Self = Self("));
    let codes: BTreeSet<_> = constants.map(|(_, number)| number.trim_end_matches(");").to_owned()).collect();
    assert!(codes.len() > 10, "{codes:?}");
    assert_eq!(named(1, "close"), codes);
}

#[test]
fn the_table_has_every_counter_of_a_failure_and_no_other() {
    let source = fs::read_to_string(root().join("gateway-core/src/metrics.rs")).unwrap();
    let body = source.split("pub enum Counter {").nth(1).unwrap().split('}').next().unwrap();
    let variants = body.lines().map(|line| line.trim().trim_end_matches(','));
    let variants: BTreeSet<_> =
        variants.filter(|line| line.chars().next().is_some_and(char::is_alphabetic)).map(str::to_owned).collect();
    let failures: BTreeSet<_> = FAILURES.iter().map(|counter| format!("{counter:?}")).collect();
    let successes =
        ["Connections", "Disconnections", "Events", "Http2Connections", "Http2Disconnections", "Recoveries"];
    let successes = successes.map(str::to_owned);
    assert_eq!(failures.iter().cloned().chain(successes).collect::<BTreeSet<_>>(), variants);
    let counted: BTreeSet<_> = table()
        .iter()
        .flat_map(|row| row[2].split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<Vec<_>>())
        .collect();
    assert_eq!(counted.into_iter().filter(|name| name != "—").collect::<BTreeSet<_>>(), failures);
}

#[test]
fn the_table_has_every_status_that_the_server_chooses() {
    let source = source();
    let chosen: BTreeSet<_> = source
        .split("StatusCode::")
        .skip(1)
        .filter_map(|rest| {
            let name: String =
                rest.chars().take_while(|letter| letter.is_ascii_uppercase() || *letter == '_').collect();
            match name.as_str() {
                "BAD_REQUEST" => Some("400"),
                "UNAUTHORIZED" => Some("401"),
                "FORBIDDEN" => Some("403"),
                "NOT_FOUND" => Some("404"),
                "METHOD_NOT_ALLOWED" => Some("405"),
                "REQUEST_TIMEOUT" => Some("408"),
                "CONFLICT" => Some("409"),
                "GONE" => Some("410"),
                "PAYLOAD_TOO_LARGE" => Some("413"),
                "URI_TOO_LONG" => Some("414"),
                "UNSUPPORTED_MEDIA_TYPE" => Some("415"),
                "REQUEST_HEADER_FIELDS_TOO_LARGE" => Some("431"),
                "INTERNAL_SERVER_ERROR" => Some("500"),
                "NOT_IMPLEMENTED" => Some("501"),
                "UPGRADE_REQUIRED" => Some("426"),
                "TOO_MANY_REQUESTS" => Some("429"),
                "SERVICE_UNAVAILABLE" => Some("503"),
                ""
                | "SWITCHING_PROTOCOLS"
                | "OK"
                | "ACCEPTED"
                | "NO_CONTENT"
                | "NOT_MODIFIED"
                | "PERMANENT_REDIRECT"
                // Of the codes of exceptions, which docs/server-sent-events.md lists.
                | "UNPROCESSABLE_ENTITY"
                | "GATEWAY_TIMEOUT" => None,
                other => panic!("{other} is not in docs/errors.md, or not known here"),
            }
        })
        .map(str::to_owned)
        .collect();
    let in_the_table = named(1, "status");
    assert!(chosen.is_subset(&in_the_table), "{chosen:?} against {in_the_table:?}");
}

#[test]
fn every_text_of_the_log_is_one_that_is_logged() {
    let source = source();
    for row in table() {
        let texts = row[3].split('"').skip(1).step_by(2);
        for text in texts {
            assert!(source.contains(&format!("\"{text}\"")), "nothing logs {text:?}");
        }
    }
}
