//! One gateway by both formats, and the features that only Socket.IO has: several namespaces over one connection, acks,
//! leaving, and resuming after a lost connection.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::Disconnect;
use gateway_core::extract::{Args, RawArgs};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, Received, TestClient, TestServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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

#[derive(Serialize, Deserialize)]
struct Picture {
    name: String,
    pixels: Bytes,
}

#[derive(Clone, Default)]
struct Seen(Arc<AtomicUsize>);

#[gateway(namespace = "/chat")]
struct Chat {
    log: Log,
    seen: Seen,
}

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if let Ok(name) = socket.handshake().auth::<Value>()
            && name["name"] == "mallory"
        {
            return Err(ConnectRejection::message("not you").with_details(&json!({"until": "never"})));
        }
        tokio::task::yield_now().await;
        self.log.write(if socket.is_recovered() { "back" } else { "new" });
        if !socket.is_recovered() {
            socket.join("general").await?;
            socket.set_state(String::from("kept"));
            socket.emit("welcome", &"to all")?;
        }
        Ok(())
    }

    #[subscribe("say")]
    fn say(&self, socket: Socket, Data(text): Data<String>) -> String {
        self.seen.0.fetch_add(1, Ordering::Relaxed);
        socket.to("general").emit("said", &text);
        format!("said {text}")
    }

    #[subscribe("echo")]
    fn echo(&self, args: RawArgs) -> RawArgs {
        args
    }

    #[subscribe("pair")]
    fn pair(&self, Args((one, other)): Args<(String, u32)>) -> Args<(u32, String)> {
        Args((other, one))
    }

    #[subscribe("picture")]
    fn picture(&self, socket: Socket, Data(picture): Data<Picture>) -> usize {
        let pixels = picture.pixels.len();
        socket.namespace().all().emit("picture", &picture);
        pixels
    }

    #[subscribe("fail")]
    fn fail(&self) -> Result<(), Exception> {
        Err(Exception::new("muted", "you are muted"))
    }

    #[subscribe("ask-back")]
    async fn ask_back(&self, socket: Socket) -> Result<u32, Exception> {
        let answer: u32 = socket
            .emit_with_ack("question", "how many?")
            .await
            .map_err(|error| Exception::message(error.to_string()))?;
        Ok(answer + 1)
    }

    #[subscribe("named")]
    fn named(&self) -> Reply {
        Reply::event("other", 7)
    }

    #[subscribe("kick")]
    fn kick(&self, socket: Socket) {
        socket.disconnect(Disconnect::default());
    }

    #[subscribe("state")]
    fn state(&self, socket: Socket) -> Data<(String, Vec<String>)> {
        Data((socket.state::<String>().map_or("gone".to_owned(), |text| (*text).clone()), socket.rooms()))
    }

    #[on_disconnect]
    fn left(&self, why: DisconnectReason) {
        self.log.write(why.as_str());
    }
}

#[gateway(namespace = "/other")]
struct Other;

#[gateway]
impl Other {
    #[subscribe("hi")]
    fn hi(&self) -> &'static str {
        "other"
    }
}

async fn server() -> (TestServer, Log) {
    serve(Server::empty()).await
}

async fn serve(server: Server) -> (TestServer, Log) {
    let log = Log::default();
    let server = server.gateway::<Chat>().gateway::<Other>().provide(log.clone()).provide(Seen::default());
    (server.test().await.unwrap(), log)
}

async fn connected(server: &TestServer) -> TestClient {
    let mut client = server.connect("/chat").socket_io().await.unwrap();
    assert_eq!(client.expect_named("welcome").await, "to all");
    client
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_its_ack() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    assert_eq!(ann.emit_with_ack::<String>("say", "hi").await.unwrap(), "said hi");
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn without_an_ack_a_value_goes_nowhere_and_a_named_event_goes_out() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    ann.emit("say", "hi").await;
    ann.emit("named", json!(null)).await;
    assert_eq!(ann.expect_named("other").await, 7);
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_named_event_ends_an_ack_too() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    assert_eq!(ann.emit_with_ack::<u32>("named", json!(null)).await.unwrap(), 7);
    assert_eq!(ann.expect_named("other").await, 7);
}

#[tokio::test(start_paused = true)]
async fn a_failed_request_gets_the_exception_in_its_ack() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    let failure = ann.emit_with_ack::<Value>("fail", json!(null)).await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("muted"), "you are muted"));
    ann.emit("fail", json!(null)).await;
    assert_eq!(ann.expect_exception().await.code(), Some("muted"));
    let failure = ann.emit_with_ack::<Value>("nobody listens", json!(null)).await.unwrap_err();
    assert_eq!(failure.code(), Some("unknown_event"));
}

/// As NestJS has it, whose clients listen for `exception`; on plain WebSocket the answer keeps its id.
#[tokio::test(start_paused = true)]
async fn by_the_switch_of_nestjs_a_failure_is_an_event_and_no_ack() {
    let (server, _) = serve(Server::empty().nestjs_compat(true)).await;
    let mut ann = connected(&server).await;
    ann.begin("fail", json!(null)).await;
    let Received::Exception { id, failure } = ann.next().await else { panic!("no failure") };
    assert_eq!((id, failure.message()), (None, "you are muted"));
    ann.expect_nothing().await;
    let mut bob = server.connect("/chat").await.unwrap();
    assert_eq!(bob.emit_with_ack::<Value>("fail", json!(null)).await.unwrap_err().message(), "you are muted");
}

/// As NestJS has it, whose clients have connected by then; they are out again right after.
#[tokio::test(start_paused = true)]
async fn by_the_switch_of_nestjs_a_failed_connect_hook_is_told_inside() {
    let (server, log) = serve(Server::empty().nestjs_compat(true)).await;
    let mut mallory = server.connect("/chat").socket_io().auth(json!({"name": "mallory"})).await.unwrap();
    let failure = mallory.expect_exception().await;
    assert_eq!((failure.message(), &failure.payload()["cause"]), ("not you", &json!({"pattern": "handleConnection"})));
    mallory.closed().await;
    assert_eq!((server.count(Counter::RefusedConnections), log.lines()), (1, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn both_formats_sit_in_the_same_room() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    let mut bob = server.connect("/chat").await.unwrap();
    bob.expect_named("welcome").await;
    ann.emit("say", "from ann").await;
    assert_eq!(bob.expect_named("said").await, "from ann");
    bob.emit("say", "from bob").await;
    assert_eq!(ann.expect_named("said").await, "from bob");
}

#[tokio::test(start_paused = true)]
async fn an_event_from_elsewhere_reaches_a_socket_that_has_just_come_in() {
    let (server, _) = server().await;
    let mut ann = server.connect("/other").socket_io().await.unwrap();
    let sent = tokio::time::Instant::now();
    server.of("/other").emit("news", &1);
    assert_eq!(ann.expect_named("news").await, 1);
    assert_eq!(sent.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn binary_parts_reach_each_format_in_its_own_form() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    let mut bob = server.connect("/chat").await.unwrap();
    bob.expect_named("welcome").await;
    ann.send_text(r#"451-/chat,1["picture",{"name":"dot","pixels":{"_placeholder":true,"num":0}}]"#).await;
    ann.send_message(vec![1_u8, 2, 3]).await;
    let expected = json!({"name": "dot", "pixels": "AQID"});
    assert_eq!(ann.expect_named("picture").await, expected);
    assert_eq!(bob.expect_named("picture").await, expected);
    assert_eq!(ann.next().await, Received::Reply { id: 1, event: String::new(), data: json!(3), more: false });
    assert_eq!(bob.emit_with_ack::<usize>("picture", expected.clone()).await.unwrap(), 3);
    assert_eq!(ann.expect_named("picture").await, expected);
}

#[tokio::test(start_paused = true)]
async fn several_arguments_go_in_and_out() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    ann.send_text(r#"42/chat,5["pair","x",7]"#).await;
    assert_eq!(ann.next().await, Received::Reply { id: 5, event: String::new(), data: json!([7, "x"]), more: false });
    ann.send_text(r#"42/chat,6["echo",[],{"deep":[[[9007199254740993]]]}]"#).await;
    let Received::Reply { data, .. } = ann.next().await else { panic!("no reply") };
    assert_eq!(data.to_string(), r#"[[],{"deep":[[[9007199254740993]]]}]"#);
}

#[tokio::test(start_paused = true)]
async fn the_server_asks_and_the_client_answers() {
    let (server, _) = server().await;
    let mut ann = connected(&server).await;
    let id = ann.begin("ask-back", json!(null)).await;
    let (ask, data) = ann.expect_question("question").await;
    assert_eq!(data, "how many?");
    ann.answer(ask, 41).await;
    assert_eq!(ann.next().await, Received::Reply { id, event: String::new(), data: json!(42), more: false });
}

#[tokio::test(start_paused = true)]
async fn a_refused_namespace_says_why_and_leaves_the_connection() {
    let (server, log) = server().await;
    let refused = server.connect("/chat").socket_io().auth(json!({"name": "mallory"})).await.unwrap_err();
    let ConnectError::Refused(failure, None) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(failure.payload(), &json!({"message": "not you", "data": {"until": "never"}}));
    let refused = server.connect("/nowhere").socket_io().await.unwrap_err();
    let ConnectError::Refused(failure, None) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(failure.payload(), &json!({"message": "Invalid namespace"}));
    assert_eq!(log.lines(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn one_connection_serves_several_namespaces() {
    let (server, log) = server().await;
    let mut ann = connected(&server).await;
    ann.send_text("40/other,").await;
    ann.send_text(r#"42/other,1["hi"]"#).await;
    assert_eq!(ann.next().await, Received::Reply { id: 1, event: String::new(), data: json!("other"), more: false });
    ann.send_text("41/other,").await;
    assert_eq!(ann.emit_with_ack::<String>("say", "still here").await.unwrap(), "said still here");
    ann.send_text("41/chat,").await;
    ann.expect_nothing().await;
    assert_eq!(log.lines(), ["new", "client namespace disconnect"]);
    assert_eq!(server.of("/chat").count(), 0);
    // The connection lives on and may ask again.
    ann.send_text("40/chat,{}").await;
    assert_eq!(ann.expect_named("welcome").await, "to all");
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_right_behind_the_wish_to_connect_waits_for_the_hooks() {
    let (server, _) = server().await;
    let mut ann = server.connect("/chat").socket_io().without_waiting().unwrap();
    let id = ann.begin("say", "early").await;
    ann.admitted().await.unwrap();
    assert_eq!(ann.expect_named("welcome").await, "to all");
    assert_eq!(ann.next().await, Received::Reply { id, event: String::new(), data: json!("said early"), more: false });
}

#[tokio::test(start_paused = true)]
async fn a_socket_the_server_disconnects_may_ask_again() {
    let (server, log) = server().await;
    let mut ann = connected(&server).await;
    ann.emit("kick", json!(null)).await;
    // On its way before the client knew: no violation.
    ann.emit("say", "too late").await;
    ann.expect_nothing().await;
    assert_eq!(log.lines(), ["new", "server namespace disconnect"]);
    ann.send_text("40/chat,{}").await;
    assert_eq!(ann.expect_named("welcome").await, "to all");
    assert_eq!(ann.emit_with_ack::<String>("say", "again").await.unwrap(), "said again");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_packet_ends_the_connection() {
    for wrong in [
        "42/nowhere,[\"x\"]",
        "42/nowhere",
        "42/nowhere[\"x\"]",
        "43/nowhere,[]",
        "4",
        "49",
        "40/chat,{}",
        "42/chat,[]",
        "42/chat,[\"connect\"]",
        "2",
        "44/chat,{}",
    ] {
        let (server, log) = server().await;
        let mut ann = connected(&server).await;
        ann.send_text(wrong).await;
        assert_eq!(ann.closed().await, None, "{wrong}");
        assert_eq!(server.of("/chat").count(), 0, "{wrong}");
        let why = if wrong == "2" { "transport error" } else { "parse error" };
        assert_eq!(log.lines(), ["new", why], "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_gets_into_no_namespace_is_closed() {
    let (server, _) = server().await;
    let mut nobody = server.connect("/nowhere").socket_io().without_waiting().unwrap();
    assert_eq!(nobody.closed().await, None);
    let mallory = json!({"name": "mallory"});
    let mut refused = server.connect("/chat").socket_io().auth(mallory).without_waiting().unwrap();
    assert_eq!(refused.closed().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_steadily_and_closed() {
    let (server, log) = server().await;
    let mut ann = connected(&server).await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(ann.emit_with_ack::<String>("say", "alive").await.unwrap(), "said alive");
    ann.stop_reading();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(log.lines(), ["new", "ping timeout"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_connections_without_a_socket_too() {
    let (server, _) = server().await;
    let nobody = server.connect("/nowhere").socket_io().without_waiting().unwrap();
    let ann = connected(&server).await;
    server.stop().await;
    drop((nobody, ann));
}
