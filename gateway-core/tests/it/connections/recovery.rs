//! Recovery of clients: which disconnects a client can resume after, and the state it gets, in either format.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::SendError;
use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{ConnectBuilder, ConnectError, LostConnection, Received, TestClient, TestServer};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};

const WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[gateway(namespace = "/chat")]
struct Chat {
    log: Log,
}

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if socket.handshake().auth().is_ok_and(|login: Value| login["name"] == "mallory") {
            return Err(ConnectRejection::new("not_you", "not you"));
        }
        self.log.write(if socket.is_recovered() { "back" } else { "new" });
        if !socket.is_recovered() {
            socket.join("general").await?;
            socket.set_state(String::from("kept"));
        }
        Ok(socket.emit("hello", &"from the hook")?)
    }

    #[subscribe]
    fn say(&self, socket: Socket, Data(text): Data<String>) -> usize {
        socket.to("general").emit("said", &text).queued
    }

    #[subscribe]
    fn point(&self, socket: Socket) -> Result<(), SendError> {
        socket.volatile().emit("pointer", &1)
    }

    #[subscribe]
    fn value(&self) -> u8 {
        7
    }

    #[subscribe]
    fn named(&self) -> Reply {
        Reply::event("other", "by a reply")
    }

    #[subscribe]
    fn stream(&self) -> impl Stream<Item = Reply> {
        stream::iter(["one", "two"].map(|text| Reply::event("item", text)))
    }

    #[subscribe]
    fn fail(&self) -> Result<(), Exception> {
        Err(Exception::payload("by a failure"))
    }

    #[subscribe]
    fn state(&self, socket: Socket) -> Data<(Option<String>, Vec<String>)> {
        Data((socket.state::<String>().map(|text| (*text).clone()), socket.rooms()))
    }

    #[on_disconnect]
    fn left(&self) {
        self.log.write("lost");
    }
}

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    fn echo(&self, message: Message) -> Message {
        message
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Format {
    Plain,
    Msgpack,
    SocketIo,
}

const FORMATS: [Format; 3] = [Format::Plain, Format::Msgpack, Format::SocketIo];

impl Format {
    fn client(self, server: &TestServer) -> ConnectBuilder<'_> {
        self.client_of(server, "/chat")
    }

    fn client_of<'a>(self, server: &'a TestServer, path: &str) -> ConnectBuilder<'a> {
        match self {
            Self::Plain => server.connect(path).resumable(),
            Self::Msgpack => server.connect(path).protocol("gateway.v1.msgpack").resumable(),
            Self::SocketIo => server.connect(path).socket_io(),
        }
    }

    /// A new socket, its greeting read.
    async fn connected(self, server: &TestServer) -> TestClient {
        let mut client = self.client(server).await.unwrap();
        assert!(!client.is_recovered(), "{self:?}");
        assert_eq!(client.expect_named("hello").await, "from the hook", "{self:?}");
        client
    }

    /// The socket of an earlier connection, what it has missed not yet read.
    async fn back(self, server: &TestServer, lost: &LostConnection) -> TestClient {
        let client = self.client(server).come_back(lost).await.unwrap();
        assert!(client.is_recovered(), "{self:?}");
        client
    }

    /// Loses the connection and comes back, having missed nothing.
    async fn once_more(self, server: &TestServer, client: TestClient) -> TestClient {
        let mut client = self.back(server, &client.lose()).await;
        assert_eq!(event(client.next().await), ("hello".to_owned(), json!("from the hook")), "{self:?}");
        client
    }
}

fn event(received: Received) -> (String, Value) {
    match received {
        Received::Event { event, data } => (event, data),
        other => panic!("no event: {other:?}"),
    }
}

async fn serve(recovery: Recovery) -> (TestServer, Log) {
    let log = Log::default();
    let server = Server::empty().gateway::<Chat>().gateway::<Raw>().provide(log.clone());
    (server.recovery(recovery).test().await.unwrap(), log)
}

fn recovery() -> Recovery {
    Recovery::new().within(WITHIN)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_has_missed_nothing() {
    for format in FORMATS {
        let (server, log) = serve(recovery()).await;
        let mut ann = format.connected(&server).await;
        let mut bob = format.connected(&server).await;
        bob.emit("say", "before").await;
        assert_eq!(ann.expect_named("said").await, "before");
        let lost = ann.lose();
        bob.emit_with_ack::<usize>("say", "missed").await.unwrap();
        server.of("/chat").emit("all", &1);
        assert_eq!(server.of("/chat").count(), 1);

        let mut ann = format.back(&server, &lost).await;
        let expected = [("said", json!("missed")), ("all", json!(1)), ("hello", json!("from the hook"))];
        for (name, data) in expected {
            assert_eq!(event(ann.next().await), (name.to_owned(), data), "{format:?}");
        }
        let (state, rooms): (Option<String>, Vec<String>) = ann.emit_with_ack("state", ()).await.unwrap();
        assert_eq!((state.as_deref(), rooms), (Some("kept"), vec!["general".to_owned()]));
        bob.emit("say", "after").await;
        assert_eq!(ann.expect_named("said").await, "after");
        ann.expect_nothing().await;
        assert_eq!(log.lines(), ["new", "new", "lost", "back"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_may_be_lost_again() {
    for format in FORMATS {
        let (server, _) = serve(recovery()).await;
        let lost = format.connected(&server).await.lose();
        let mut ann = format.back(&server, &lost).await;
        ann.expect_named("hello").await;
        let lost = ann.lose();
        server.of("/chat").emit("all", &"missed again");
        let mut ann = format.back(&server, &lost).await;
        assert_eq!(ann.expect_named("all").await, "missed again", "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_too_late_is_a_new_one() {
    for format in FORMATS {
        let (server, log) = serve(recovery()).await;
        let lost = format.connected(&server).await.lose();
        tokio::time::sleep(WITHIN + Duration::from_secs(1)).await;
        let ann = format.client(&server).come_back(&lost).await.unwrap();
        assert!(!ann.is_recovered(), "{format:?}");
        assert_eq!(log.lines(), ["new", "lost", "new"]);
        assert_eq!(server.of("/chat").count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_missed_more_than_is_kept_is_a_new_one() {
    let few = recovery().events(3);
    let small = recovery().bytes(300);
    for (format, recovery) in FORMATS.into_iter().flat_map(|format| [(format, few.clone()), (format, small.clone())]) {
        let (server, _) = serve(recovery).await;
        for (missed, is_recovered) in [(2, true), (20, false)] {
            let lost = format.connected(&server).await.lose();
            for number in 0..missed {
                server.of("/chat").emit("n", &number);
            }
            let client = format.client(&server).come_back(&lost).await.unwrap();
            assert_eq!(client.is_recovered(), is_recovered, "{format:?}, {missed} events");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_sockets_are_waited_for_than_allowed() {
    for format in FORMATS {
        let (server, _) = serve(recovery().sockets(1)).await;
        let (ann, bob) = (format.connected(&server).await, format.connected(&server).await);
        let first = ann.lose();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let second = bob.lose();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!format.client(&server).come_back(&second).await.unwrap().is_recovered(), "{format:?}");
        assert!(format.client(&server).come_back(&first).await.unwrap().is_recovered(), "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_is_asked_again_and_may_be_refused() {
    for format in FORMATS {
        let (server, _) = serve(recovery()).await;
        let lost = format.connected(&server).await.lose();
        server.of("/chat").emit("all", &"secret");
        let refused = format.client(&server).come_back(&lost).auth(json!({"name": "mallory"})).await;
        let Err(ConnectError::Refused(failure, _)) = refused else { panic!("{format:?} came back") };
        assert_eq!(failure.message(), "not you", "{format:?}");
        // The session is used up by who comes in.
        let mut ann = format.back(&server, &lost).await;
        assert_eq!(ann.expect_named("all").await, "secret", "{format:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_of_one_format() {
    let (server, _) = serve(recovery()).await;
    let pairs = FORMATS.map(|format| FORMATS.map(|other| (format, other)));
    for (format, other) in pairs.into_iter().flatten().filter(|(format, other)| format != other) {
        let lost = format.connected(&server).await.lose();
        assert!(!other.client(&server).come_back(&lost).await.unwrap().is_recovered(), "{format:?}");
        assert!(format.client(&server).come_back(&lost).await.unwrap().is_recovered(), "{format:?}");
    }
}

/// A client of Socket.IO takes the last text of every event for its offset, so an event without one would end what it can
/// come back to.
#[tokio::test(start_paused = true)]
async fn answers_that_are_events_have_an_offset_too() {
    for format in FORMATS {
        let (server, _) = serve(recovery()).await;
        let mut ann = format.connected(&server).await;
        ann.emit("named", ()).await;
        assert_eq!(ann.expect_named("other").await, "by a reply");
        let mut ann = format.once_more(&server, ann).await;
        ann.emit("stream", ()).await;
        assert_eq!((ann.expect_named("item").await, ann.expect_named("item").await), (json!("one"), json!("two")));
        let mut ann = format.once_more(&server, ann).await;
        ann.emit("fail", ()).await;
        assert_eq!(ann.expect_exception().await.payload(), "by a failure");
        let mut ann = format.once_more(&server, ann).await;
        ann.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_only_the_one_who_asked_wants_is_not_kept() {
    for format in FORMATS {
        let (server, _) = serve(recovery()).await;
        let mut ann = format.connected(&server).await;
        ann.stop_reading();
        for event in ["value", "point"] {
            ann.begin(event, ()).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        format.once_more(&server, ann).await.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn on_socket_io_an_ack_that_goes_with_an_event_has_no_offset() {
    let (server, _) = serve(recovery()).await;
    let mut ann = Format::SocketIo.connected(&server).await;
    assert_eq!(ann.emit_with_ack::<Value>("named", ()).await.unwrap(), "by a reply");
    assert_eq!(ann.expect_named("other").await, "by a reply");
    Format::SocketIo.once_more(&server, ann).await.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_broke_the_protocol_of_its_transport_is_a_loss() {
    let (server, _) = serve(recovery()).await;
    let mut ann = Format::SocketIo.connected(&server).await;
    // In Engine.IO 4 the server asks and the client answers.
    ann.send_text("2").await;
    let lost = ann.lose();
    tokio::time::sleep(Duration::from_secs(10)).await;
    Format::SocketIo.back(&server, &lost).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_of_socket_io_that_left_by_itself_is_not_waited_for() {
    let (server, _) = serve(recovery()).await;
    let mut ann = Format::SocketIo.connected(&server).await;
    ann.send_text("41/chat,").await;
    ann.expect_nothing().await;
    assert!(!Format::SocketIo.client(&server).come_back(&ann.lose()).await.unwrap().is_recovered());
}

/// The session of a plain client that reads its frames itself.
async fn session(client: &mut TestClient) -> Value {
    match client.next().await {
        Received::Message(Message::Text(text)) => serde_json::from_str::<Value>(&text).unwrap()["session"].clone(),
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_that_closed_by_itself_is_not_waited_for() {
    let (server, log) = serve(recovery()).await;
    let mut ann = server.connect("/chat?resume").await.unwrap();
    let key = session(&mut ann).await["resume"].as_str().unwrap().to_owned();
    ann.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut ann = server.connect(&format!("/chat?resume={key}")).await.unwrap();
    assert_eq!(session(&mut ann).await["resumed"], false);
    assert_eq!(log.lines(), ["new", "lost", "new"]);
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_can_come_back_before_it_has_read_an_event() {
    let (server, _) = serve(recovery()).await;
    let mut ann = server.connect("/chat?resume").await.unwrap();
    let first = session(&mut ann).await;
    let (id, key) = (first["id"].as_str().unwrap(), first["resume"].as_str().unwrap());
    assert_eq!(first, json!({"id": id, "resume": key, "resumed": false}));
    assert_ne!(id, key);
    drop(ann);
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.of("/chat").emit("all", &1);

    // As a browser does, which can set no header but this.
    let protocols = format!("gateway.v1, resume.{key}.0");
    let mut ann = server.connect("/chat").header("sec-websocket-protocol", &protocols).await.unwrap();
    assert_eq!(event(ann.next().await).0, "hello");
    assert_eq!(event(ann.next().await).0, "all");
    assert_eq!(session(&mut ann).await, json!({"id": id, "resume": key, "resumed": true}));
    assert_eq!(event(ann.next().await).0, "hello");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_no_name_of_a_socket() {
    let (server, _) = serve(recovery()).await;
    let mut ann = server.connect("/chat?resume").await.unwrap();
    let id = session(&mut ann).await["id"].as_str().unwrap().to_owned();
    drop(ann);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for wrong in [id.as_str(), "x", "%22"] {
        let mut other = server.connect(&format!("/chat?resume={wrong}&offset=0")).await.unwrap();
        assert_eq!(session(&mut other).await["resumed"], false, "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_that_did_not_ask_sees_nothing_new() {
    let (server, _) = serve(recovery()).await;
    let mut ann = server.connect("/chat").await.unwrap();
    assert_eq!(event(ann.next().await).0, "hello");
    ann.expect_nothing().await;
    drop(ann);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.count(Counter::Disconnections), 1);
    assert_eq!(server.of("/chat").rooms(), [], "nobody waits for it");
}

#[tokio::test(start_paused = true)]
async fn a_plain_client_that_cannot_come_back_is_told_so() {
    let server = Server::empty().gateway::<Chat>().provide(Log::default()).test().await.unwrap();
    let mut ann = server.connect("/chat?resume=key&offset=1").await.unwrap();
    let told = session(&mut ann).await;
    assert_eq!(told, json!({"id": told["id"], "resumed": false}));
}

#[tokio::test(start_paused = true)]
async fn a_raw_gateway_has_no_session_to_tell_of() {
    let (server, _) = serve(recovery()).await;
    let mut ann = server.connect("/raw?resume").await.unwrap();
    ann.send_message("hi").await;
    assert_eq!(ann.next().await, Received::Message("hi".into()));
}

#[tokio::test]
async fn recovery_and_a_policy_that_drops_contradict_each_other() {
    let limits = Limits::new().overflow(Overflow::DropOldest);
    let server = Server::empty().gateway::<Raw>().recovery(recovery()).limits(limits);
    let problems = server.check().unwrap_err().to_string();
    assert!(problems.contains("recovery") && problems.contains("DropOldest"), "{problems}");
}

/// Number of events kept in the property's runs.
const KEPT: usize = 6;

#[derive(Clone, Debug)]
enum Step {
    /// So many events are sent and heard.
    Hear(usize),
    /// The connection is lost while so many are under way, and so many are sent until it is back.
    Miss { under_way: usize, away: usize },
    /// It is lost for too long.
    StayAway,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..5_usize).prop_map(Step::Hear),
        (0..5_usize, 0..5_usize).prop_map(|(under_way, away)| Step::Miss { under_way, away }),
        Just(Step::StayAway),
    ]
}

/// Events that a client must have heard, whatever happens to its connections.
struct Run<'a> {
    server: &'a TestServer,
    format: Format,
    /// Absent between two connections.
    client: Option<TestClient>,
    sent: usize,
    heard: usize,
    /// Where its session began; before it nothing is kept.
    began: usize,
}

impl Run<'_> {
    fn send(&mut self, count: usize) {
        for _ in 0..count {
            self.server.of("/quiet").emit("n", &self.sent);
            self.sent += 1;
        }
    }

    async fn hear(&mut self) {
        let client = self.client.as_mut().unwrap();
        for number in self.heard..self.sent {
            assert_eq!(event(client.next().await), ("n".to_owned(), json!(number)), "{:?}", self.format);
        }
        self.heard = self.sent;
        client.expect_nothing().await;
    }

    fn connect(&self) -> ConnectBuilder<'_> {
        self.format.client_of(self.server, "/quiet")
    }

    /// Returns `true` if all missed events are still kept when the client resumes.
    fn is_known(&self) -> bool {
        // One that has heard none can name its session on the plain format only.
        let has_a_name = self.heard > self.began || self.format != Format::SocketIo;
        has_a_name && self.sent - self.heard <= KEPT
    }

    async fn come_back(mut self, away: usize, pause: Duration) -> Self {
        let lost = self.client.take().unwrap().lose();
        tokio::time::sleep(pause).await;
        self.send(away);
        let is_known = self.is_known() && pause < WITHIN;
        let client = self.connect().come_back(&lost).await.unwrap();
        assert_eq!(client.is_recovered(), is_known, "{:?}: {} of {}", self.format, self.heard, self.sent);
        if !is_known {
            (self.heard, self.began) = (self.sent, self.sent);
        }
        self.client = Some(client);
        self.hear().await;
        self
    }

    async fn step(mut self, step: &Step) -> Self {
        match *step {
            Step::Hear(count) => {
                self.send(count);
                self.hear().await;
                self
            }
            Step::Miss { under_way, away } => {
                self.client.as_mut().unwrap().stop_reading();
                self.send(under_way);
                self.come_back(away, Duration::from_secs(1)).await
            }
            Step::StayAway => self.come_back(0, WITHIN + Duration::from_secs(1)).await,
        }
    }
}

#[gateway(namespace = "/quiet")]
struct Quiet;

#[gateway]
impl Quiet {
    #[on_connect]
    fn joined(&self) {}
}

async fn a_run(format: Format, steps: &[Step]) {
    let server = Server::empty().gateway::<Quiet>().recovery(recovery().events(KEPT));
    let server = server.test().await.unwrap();
    let client = format.client_of(&server, "/quiet").await.unwrap();
    let mut run = Run { server: &server, format, client: Some(client), sent: 0, heard: 0, began: 0 };
    for step in steps {
        run = run.step(step).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        rng_seed: RngSeed::Fixed(0x7265_7375),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_event_is_heard_once_and_in_order_or_the_client_knows(steps in prop::collection::vec(step(), 0..12)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        for format in FORMATS {
            runtime.block_on(a_run(format, &steps));
        }
    }
}
