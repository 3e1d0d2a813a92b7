//! Messages sent before a goodbye are handled, within the drain timeout, whatever the form of the goodbye.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::serve::{GatewayService, Recovery};
use gateway_core::testing::{ConnectBuilder, TestClient, TestServer};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tower_service::Service;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn write(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[gateway(namespace = "/notes")]
struct Notes {
    log: Log,
}

#[gateway]
impl Notes {
    #[on_connect]
    async fn joined(&self, handshake: Handshake) -> Result<(), ConnectRejection> {
        let wanted = handshake.auth::<Value>().unwrap_or_default();
        if let Some(millis) = wanted["slow"].as_u64() {
            sleep(Duration::from_millis(millis)).await;
        }
        self.log.write("in");
        if wanted["refused"] == true { Err(ConnectRejection::new("no", "no")) } else { Ok(()) }
    }

    #[subscribe]
    async fn slow(&self, Data(millis): Data<u64>) {
        sleep(Duration::from_millis(millis)).await;
        self.log.write("slow");
    }

    #[subscribe]
    fn note(&self, socket: Socket, Data(number): Data<u32>) -> u32 {
        assert!(!socket.is_connected());
        self.log.write(number.to_string());
        number
    }

    #[subscribe]
    fn endless(&self) -> impl Stream<Item = u32> {
        stream::repeat(1)
    }

    #[on_disconnect]
    fn left(&self) {
        self.log.write("out");
    }
}

#[gateway(namespace = "/raw")]
struct Raw {
    log: Log,
}

#[gateway]
impl Raw {
    #[on_message]
    async fn message(&self, message: Message) {
        sleep(Duration::from_millis(300)).await;
        if let Message::Text(text) = message {
            self.log.write(text.as_str());
        }
    }

    #[on_disconnect]
    fn left(&self) {
        self.log.write("out");
    }
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    Resumable,
    Msgpack,
    Lines,
    ResumableLines,
    /// The namespace is left.
    Leave,
    /// The WebSocket is closed.
    Close,
}

const WAYS: [Way; 7] =
    [Way::Plain, Way::Resumable, Way::Msgpack, Way::Lines, Way::ResumableLines, Way::Leave, Way::Close];

impl Way {
    fn client(self, server: &TestServer) -> ConnectBuilder<'_> {
        let client = server.connect("/notes");
        match self {
            Self::Plain => client,
            Self::Resumable => client.resumable(),
            Self::Msgpack => client.protocol("gateway.v1.msgpack"),
            Self::Lines => server.connect_tcp("/notes"),
            Self::ResumableLines => server.connect_tcp("/notes").resumable(),
            Self::Leave | Self::Close => client.socket_io(),
        }
    }

    async fn goodbye(self, mut client: TestClient) {
        match self {
            Self::Plain | Self::Resumable | Self::Msgpack | Self::Lines | Self::ResumableLines | Self::Close => {
                drop(client.close().await);
            }
            Self::Leave => {
                client.send_text("41/notes,").await;
                sleep(Duration::from_mins(1)).await;
            }
        }
    }
}

async fn serve(recovers: bool) -> (TestServer, Log) {
    let log = Log::default();
    let server = Server::empty().gateway::<Notes>().gateway::<Raw>().provide(log.clone());
    let server = if recovers { server.recovery(Recovery::default()) } else { server };
    (server.test().await.unwrap(), log)
}

/// Every way to say goodbye, without recovery and with it.
fn ways() -> impl Iterator<Item = (Way, bool)> {
    WAYS.into_iter().flat_map(|way| [(way, false), (way, true)])
}

#[tokio::test(start_paused = true)]
async fn what_waits_when_its_client_says_goodbye_is_handled_before_the_disconnect_hook() {
    for (way, recovers) in ways() {
        let (server, log) = serve(recovers).await;
        let mut ann = way.client(&server).await.unwrap();
        ann.emit("slow", 300).await;
        for number in 0..5 {
            ann.emit("note", number).await;
        }
        ann.begin("note", 5).await;
        way.goodbye(ann).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(log.take(), ["in", "slow", "0", "1", "2", "3", "4", "5", "out"], "{way:?}, {recovers}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_gets_the_drain_timeout_and_no_more() {
    for (way, recovers) in ways() {
        let (server, log) = serve(recovers).await;
        let mut ann = way.client(&server).await.unwrap();
        for _ in 0..4 {
            ann.emit("slow", 2000).await;
        }
        let began = Instant::now();
        way.goodbye(ann).await;
        sleep(Duration::from_mins(1).saturating_sub(began.elapsed())).await;
        assert_eq!(log.take(), ["in", "slow", "slow", "out"], "{way:?}, {recovers}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_stream_does_not_hold_up_the_end() {
    for (way, recovers) in ways() {
        let (server, log) = serve(recovers).await;
        let mut ann = way.client(&server).await.unwrap();
        ann.emit("slow", 300).await;
        ann.begin("endless", ()).await;
        ann.emit("note", 1).await;
        let began = Instant::now();
        match way {
            Way::Leave => ann.send_text("41/notes,").await,
            _ => drop(ann.close().await),
        }
        sleep(Duration::from_millis(400).saturating_sub(began.elapsed())).await;
        assert_eq!(log.take(), ["in", "slow", "1", "out"], "{way:?}, {recovers}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_connect_hook_is_handled_where_it_accepts() {
    for (way, recovers) in ways() {
        for (refused, expected) in [(false, &["in", "1", "2", "out"][..]), (true, &["in"])] {
            let (server, log) = serve(recovers).await;
            let auth = serde_json::json!({"slow": 500, "refused": refused});
            let mut ann = way.client(&server).auth(auth).without_waiting().unwrap();
            ann.emit("note", 1).await;
            ann.emit("note", 2).await;
            way.goodbye(ann).await;
            sleep(Duration::from_secs(1)).await;
            assert_eq!(log.take(), expected, "{way:?}, {recovers}");
            let [came, left] = [Counter::Connections, Counter::Disconnections].map(|it| server.count(it));
            assert_eq!((came, left), if refused { (0, 0) } else { (1, 1) }, "{way:?}, {recovers}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_that_nothing_waits_for_ends_with_its_client() {
    for (way, recovers) in ways() {
        let (server, log) = serve(recovers).await;
        let ann = way.client(&server).auth(serde_json::json!({"slow": 500})).without_waiting().unwrap();
        way.goodbye(ann).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(log.take(), [""; 0], "{way:?}, {recovers}");
    }
}

/// A loss is no goodbye: nobody knows what of it the client counts on.
#[tokio::test(start_paused = true)]
async fn what_waits_when_its_client_vanishes_is_not_started() {
    for (way, recovers) in ways() {
        let (server, log) = serve(recovers).await;
        let mut ann = way.client(&server).await.unwrap();
        ann.emit("slow", 300).await;
        ann.emit("note", 1).await;
        sleep(Duration::from_millis(1)).await;
        drop(ann);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(log.take(), ["in", "slow", "out"], "{way:?}, {recovers}");
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_a_raw_gateway_are_handled_too() {
    let (server, log) = serve(false).await;
    let mut ann = server.connect("/raw").await.unwrap();
    for text in ["one", "two", "three"] {
        ann.send_text(text).await;
    }
    drop(ann.close().await);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["one", "two", "three", "out"]);
}

async fn call(service: &mut GatewayService, method: Method, query: &str, body: &str) -> String {
    let uri = format!("/socket.io/?EIO=4&transport=polling{query}");
    let request = Request::builder().method(method).uri(uri).header("host", "localhost");
    let response = service.call(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().into()).unwrap()
}

/// The namespace is left, or the session closed, in the POST that brought the events.
#[tokio::test(start_paused = true)]
async fn what_was_posted_with_a_goodbye_is_handled() {
    for goodbye in ["41/notes,", "1"] {
        let log = Log::default();
        let server = Server::empty().gateway::<Notes>().gateway::<Raw>().provide(log.clone());
        let (mut service, _handle) = server.into_service().await.unwrap();
        let open = call(&mut service, Method::GET, "", "").await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        let session = format!("&sid={}", open["sid"].as_str().unwrap());
        call(&mut service, Method::POST, &session, "40/notes,").await;
        assert!(call(&mut service, Method::GET, &session, "").await.starts_with("40/notes,{"));
        let packets = ["42/notes,[\"slow\",300]", "42/notes,[\"note\",1]", "42/notes,[\"note\",2]", goodbye];
        call(&mut service, Method::POST, &session, &packets.join("\u{1e}")).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(log.take(), ["in", "slow", "1", "2", "out"], "{goodbye}");
    }
}

/// In one body, so that the wish to enter is read while the disconnect hook has yet to run.
#[tokio::test(start_paused = true)]
async fn who_leaves_and_enters_in_one_post_waits_for_the_disconnect_hook() {
    for recovers in [false, true] {
        let log = Log::default();
        let server = Server::empty().gateway::<Notes>().gateway::<Raw>().provide(log.clone());
        let server = if recovers { server.recovery(Recovery::default()) } else { server };
        let (mut service, _handle) = server.into_service().await.unwrap();
        let open = call(&mut service, Method::GET, "", "").await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        let session = format!("&sid={}", open["sid"].as_str().unwrap());
        call(&mut service, Method::POST, &session, "40/notes,").await;
        assert!(call(&mut service, Method::GET, &session, "").await.starts_with("40/notes,{"));
        let packets = ["42/notes,[\"slow\",300]", "42/notes,[\"note\",1]", "41/notes,", "40/notes,"];
        call(&mut service, Method::POST, &session, &packets.join("\u{1e}")).await;
        assert!(call(&mut service, Method::GET, &session, "").await.starts_with("40/notes,{"), "{recovers}");
        assert_eq!(log.take(), ["in", "slow", "1", "out", "in"], "{recovers}");
    }
}
