//! Attacks above the transport, in memory and on both formats: each costs a bounded amount, is answered, and disturbs
//! no other client. Attacks below it are in `tests/loopback`, their cost in memory in `tests/memory`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::Disconnect;
use gateway_core::extract::EventName;
use gateway_core::extract::RawArgs;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Number of times that a handler ran.
#[derive(Clone, Default)]
struct Runs(Arc<AtomicUsize>);

impl Runs {
    fn note(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Panics when it is written.
struct Rotten;

impl Serialize for Rotten {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("while it is serialised")
    }
}

#[gateway(namespace = "/target")]
struct Prey {
    connects: Runs,
}

#[gateway]
impl Prey {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        self.connects.note();
        socket.join("lobby").await?;
        if socket.handshake().query("name") == Some("mallory") {
            return Err(ConnectRejection::message("not you"));
        }
        Ok(())
    }

    #[subscribe]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }

    #[subscribe]
    fn text(&self, Data(text): Data<String>) -> usize {
        text.len()
    }

    #[subscribe]
    fn number(&self, Data(number): Data<f64>) -> f64 {
        number
    }

    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn tell(&self, socket: Socket, Data(room): Data<String>) -> usize {
        socket.namespace().to(room).emit("told", &1).queued
    }

    #[subscribe]
    fn ask(&self, socket: Socket) {
        tokio::spawn(async move { socket.emit_with_ack::<Value>("question", &()).await });
    }

    #[subscribe]
    async fn ask_well(&self, socket: Socket) -> String {
        match socket.emit_with_ack::<Value>("question", &()).await {
            Ok(answer) => answer.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[subscribe]
    fn rotten_reply(&self) -> Data<Rotten> {
        Data(Rotten)
    }

    #[subscribe]
    fn rotten_emit(&self, socket: Socket) -> Result<(), Exception> {
        Ok(socket.emit("told", &Rotten)?)
    }

    #[subscribe]
    fn rotten_broadcast(&self, namespace: Namespace) -> usize {
        namespace.emit("told", &Rotten).queued
    }
}

/// Whatever a client calls something, it is that and nothing else.
#[gateway(namespace = "/names-{name}")]
struct Names;

#[gateway]
impl Names {
    #[subscribe("*")]
    async fn whatever(&self, socket: Socket, event: EventName, args: RawArgs) -> Result<RawArgs, Exception> {
        socket.join(&event[..]).await?;
        Ok(args)
    }
}

/// Throws its clients out when they ask for it.
#[gateway(namespace = "/door-{number}")]
struct GuardPoints;

#[gateway]
impl GuardPoints {
    #[subscribe]
    fn leave(&self, socket: Socket) {
        socket.disconnect(Disconnect::default());
    }
}

fn server() -> Server {
    Server::empty().gateway::<Prey>().gateway::<Names>().gateway::<GuardPoints>().provide(Runs::default())
}

async fn start() -> TestServer {
    server().test().await.unwrap()
}

/// One client of each format.
async fn both(server: &TestServer) -> [TestClient; 2] {
    [server.connect("/target").await.unwrap(), server.connect("/target").socket_io().await.unwrap()]
}

/// The client's frame for an event whose data is this text, whatever it holds.
fn frame(is_plain: bool, event: &str, data: &str, id: u64) -> String {
    if is_plain {
        format!(r#"{{"event":"{event}","data":{data},"id":{id}}}"#)
    } else {
        format!(r#"42/target,{id}["{event}",{data}]"#)
    }
}

/// Answers to a client of each format whose request has this text as data: the code of a failure, or the value. The
/// client lives on.
async fn outcomes(server: &TestServer, event: &str, data: &str) -> [Result<Value, String>; 2] {
    let mut outcomes = Vec::new();
    for (mut client, is_plain) in both(server).await.into_iter().zip([true, false]) {
        client.send_text(&frame(is_plain, event, data, 77)).await;
        outcomes.push(match client.next().await {
            Received::Reply { id: 77, data, .. } => Ok(data),
            Received::Exception { id: Some(77), failure } => Err(failure.code().unwrap_or_default().to_owned()),
            other => panic!("{other:?}"),
        });
        is_alive(&mut client).await;
    }
    outcomes.try_into().unwrap()
}

async fn is_alive(client: &mut TestClient) {
    assert_eq!(client.emit_with_ack::<Value>("echo", "alive").await.unwrap(), "alive");
}

/// Lets the server do what it has to.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn json_that_is_nested_too_deeply_is_told_and_costs_no_stack() {
    let server = start().await;
    for depth in [100, 126, 129, 1_000, 10_000, 100_000] {
        let deep = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        for outcome in outcomes(&server, "echo", &deep).await {
            assert_eq!(outcome.err().as_deref(), (depth > 128).then_some("too_deep"), "{depth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn json_that_is_wide_or_strange_is_read_or_told() {
    let server = start().await;
    let unreadable = || Err("unreadable".to_owned());
    let wide = format!("[{}0]", "0,".repeat(500_000));
    let cases = [
        ("text", r#""\ud800""#, unreadable()),
        ("echo", r#""\udc00\ud800""#, unreadable()),
        ("number", "1e400", unreadable()),
        ("number", &"9".repeat(400), unreadable()),
        ("number", "1e-400", Ok(json!(0.0))),
        ("number", "-0", Ok(json!(-0.0))),
        ("echo", r#"{"a":1,"a":2}"#, Ok(json!({"a": 2}))),
        ("echo", r#"{"__proto__":{"admin":true},"":[]}"#, Ok(json!({"__proto__": {"admin": true}, "": []}))),
        ("text", r#""\u0000""#, Ok(json!(1))),
        ("text", "\"\u{202e}\"", Ok(json!(3))),
    ];
    for (event, data, expected) in cases {
        assert_eq!(outcomes(&server, event, data).await, [expected.clone(), expected], "{event} {data}");
    }
    for outcome in outcomes(&server, "echo", &wide).await {
        assert_eq!(outcome.unwrap().as_array().unwrap().len(), 500_001);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_for_thousands_of_namespaces_gets_some() {
    let server = start().await;
    let mut client = server.connect("/target").socket_io().await.unwrap();
    for number in 0..5_000 {
        client.send_text(&format!("40/unknown-{number},")).await;
    }
    settle().await;
    assert_eq!(server.count(Counter::RefusedConnections), 5_000);
    for number in 0..5_000 {
        client.send_text(&format!("40/names-{number},")).await;
    }
    settle().await;
    let (taken, refused) = (server.count(Counter::Connections), server.count(Counter::RefusedConnections));
    println!("{taken} of 5001 namespaces that exist, none of 5000 others");
    assert_eq!((taken, refused), (32, 5_000 + 4_969));
    is_alive(&mut client).await;
    drop(client);
    settle().await;
    assert_eq!(server.count(Counter::Disconnections), 32);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_entered_once() {
    let runs = Runs::default();
    let server = server().provide(runs.clone()).test().await.unwrap();
    let mut client = server.connect("/target").socket_io().await.unwrap();
    client.send_text("40/target,").await;
    assert_eq!(client.closed().await, None);
    settle().await;
    assert_eq!((runs.count(), server.count(Counter::ProtocolErrors)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn namespaces_that_a_client_was_thrown_out_of_are_not_all_remembered() {
    let server = start().await;
    let mut client = server.connect("/target").socket_io().await.unwrap();
    for number in 0..100 {
        client.send_text(&format!("40/door-{number},")).await;
        settle().await;
        client.send_text(&format!(r#"42/door-{number},["leave"]"#)).await;
        settle().await;
    }
    assert_eq!(server.count(Counter::Disconnections), 100);
    // What was on its way when it was thrown out is passed over.
    client.send_text(r#"42/door-99,["late"]"#).await;
    is_alive(&mut client).await;
    client.send_text(r#"42/door-0,["late"]"#).await;
    assert_eq!(client.closed().await, None);
}

#[tokio::test(start_paused = true)]
async fn one_socket_joins_so_many_rooms_and_none_outlives_it() {
    let server = start().await;
    for mut client in both(&server).await {
        let mut joined = 0;
        for number in 0..20_000 {
            match client.emit_with_ack::<Value>("join", format!("room {number}")).await {
                Ok(_) => joined += 1,
                Err(failure) => assert_eq!(failure.code(), Some("too_many_rooms")),
            }
        }
        println!("{joined} of 20000 rooms");
        assert_eq!(joined, 127, "with the lobby 128");
        assert_eq!(server.of("/target").rooms().len(), 128);
        drop(client);
        settle().await;
    }
    assert_eq!(server.of("/target").rooms(), []);
}

#[tokio::test(start_paused = true)]
async fn rooms_of_a_client_that_is_refused_are_left() {
    let server = start().await;
    for connect in [server.connect("/target?name=mallory"), server.connect("/target?name=mallory").socket_io()] {
        assert!(connect.await.is_err());
        settle().await;
        assert_eq!((server.of("/target").count(), server.of("/target").rooms()), (0, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_hundred_thousand_rooms_that_came_and_went_none_is_left() {
    let server = start().await;
    let mut rooms = 0;
    for round in 0..8 {
        let mut clients = Vec::new();
        for number in 0..125 {
            let mut client = server.connect("/target").await.unwrap();
            for room in 0..100 {
                client.emit("join", format!("{round} {number} {room}")).await;
            }
            clients.push(client);
        }
        settle().await;
        rooms += server.of("/target").rooms().len() - 1;
        drop(clients);
        settle().await;
        assert_eq!(server.of("/target").rooms(), []);
    }
    println!("{rooms} rooms");
    assert_eq!(rooms, 100_000);
}

#[tokio::test(start_paused = true)]
async fn ids_of_acks_are_numbers_and_are_answered_however_often_they_come() {
    let server = start().await;
    let many = "9".repeat(400);
    for id in ["18446744073709551616", "-1", "1.5", "Infinity", "0x1", &many] {
        let mut client = server.connect("/target").socket_io().await.unwrap();
        client.send_text(&format!(r#"42/target,{id}["echo",1]"#)).await;
        assert_eq!(client.closed().await, None, "{id}");
    }
    let mut client = server.connect("/target").socket_io().await.unwrap();
    for _ in 0..2 {
        client.send_text(r#"42/target,5["echo",1]"#).await;
        assert!(matches!(client.next().await, Received::Reply { id: 5, .. }));
    }
    for answer in ["43/target,0[1]", "43/target,77[1]", "43/target,18446744073709551615[1]"] {
        client.send_text(answer).await;
    }
    is_alive(&mut client).await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn questions_that_are_never_answered_give_their_places_back() {
    let server = start().await;
    for mut client in both(&server).await {
        for _ in 0..1_100 {
            client.emit("ask", json!(null)).await;
        }
        let mut asked = 0;
        settle().await;
        let failed = client.emit_with_ack::<String>("ask_well", json!(null)).await.unwrap();
        assert_eq!(failed, "TooMany");
        while asked < 1_024 {
            client.expect_question("question").await;
            asked += 1;
        }
        client.expect_nothing().await;
        println!("{asked} of 1100 questions wait at once");
        sleep(Duration::from_secs(11)).await;
        let id = client.begin("ask_well", json!(null)).await;
        let (question, _) = client.expect_question("question").await;
        client.answer(question, 7).await;
        assert!(matches!(client.next().await, Received::Reply { id: of, data, .. } if of == id && data == "7"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_packet_whose_binary_parts_never_come_is_not_waited_for() {
    let server = start().await;
    let packet = r#"452-/target,["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let mut honest = server.connect("/target").socket_io().await.unwrap();
    let mut slow = server.connect("/target").socket_io().await.unwrap();
    for client in [&mut honest, &mut slow] {
        client.send_text(packet).await;
        client.send_message(Bytes::from_static(b"one")).await;
    }
    sleep(Duration::from_secs(29)).await;
    honest.send_message(Bytes::from_static(b"two")).await;
    sleep(Duration::from_secs(2)).await;
    is_alive(&mut honest).await;
    assert_eq!(slow.closed().await, None);
    assert_eq!(server.count(Counter::ProtocolErrors), 1);
}

#[tokio::test(start_paused = true)]
async fn attachments_that_are_too_many_or_wrong_end_their_connection_alone() {
    let server = start().await;
    let mut witness = server.connect("/target").socket_io().await.unwrap();
    let wrong = [
        r#"4599999999-/target,["echo"]"#,
        r#"4511-/target,["echo"]"#,
        r#"451000000-/target,["echo"]"#,
        r#"451-/target,["echo",{"_placeholder":true,"num":7}]"#,
        r#"451-/target,["echo",{"_placeholder":true,"num":-1}]"#,
        r#"451-/target,["echo",{"_placeholder":true,"num":"splice"}]"#,
        r#"451-/target,["echo",{"_placeholder":true,"num":1.5}]"#,
        r#"45/target,["echo"]"#,
        r#"45-/target,["echo"]"#,
        r#"42/target,[{"toString":1}]"#,
        r#"42/target,[["echo"]]"#,
        r"42/target,[true]",
    ];
    for packet in wrong {
        let mut client = server.connect("/target").socket_io().await.unwrap();
        client.send_text(packet).await;
        client.send_message(Bytes::from_static(b"part")).await;
        assert_eq!(client.closed().await, None, "{packet}");
    }
    let mut client = server.connect("/target").socket_io().await.unwrap();
    client.send_message(Bytes::from_static(b"a part of nothing")).await;
    assert_eq!(client.closed().await, None);
    let mut client = server.connect("/target").socket_io().await.unwrap();
    client.send_text(r#"452-/target,["echo",{"_placeholder":true,"num":0}]"#).await;
    client.send_text(r#"42/target,["echo",1]"#).await;
    assert_eq!(client.closed().await, None, "a text while parts are awaited");
    is_alive(&mut witness).await;
}

#[tokio::test(start_paused = true)]
async fn names_that_mean_something_elsewhere_mean_nothing_here() {
    let server = start().await;
    for name in ["__proto__", "constructor", "hasOwnProperty", "toString", "prototype", "__defineGetter__"] {
        let path = format!("/names-{name}");
        for connect in [server.connect(&path), server.connect(&path).socket_io()] {
            let mut client = connect.header("x-constructor", name).query("__proto__", name).await.unwrap();
            let data = json!({name: {name: name}});
            assert_eq!(client.emit_with_ack::<Value>(name, &data).await.unwrap(), data);
            assert_eq!(server.of(&path).rooms(), [(name.to_owned(), 1)]);
            drop(client);
            settle().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_panics_while_it_is_serialised_costs_its_request_alone() {
    let server = start().await;
    for mut client in both(&server).await {
        for event in ["rotten_reply", "rotten_emit", "rotten_broadcast"] {
            let failure = client.emit_with_ack::<Value>(event, json!(null)).await.unwrap_err();
            assert_eq!(failure.code(), Some("internal"), "{event}");
            is_alive(&mut client).await;
        }
    }
    assert_eq!(server.count(Counter::Panics), 6);
}

#[tokio::test(start_paused = true)]
async fn events_beyond_the_rate_of_a_socket_are_told_when_to_come_back() {
    let limits = Limits::new().events_per_second(NonZeroU32::new(10));
    let server = server().limits(limits).test().await.unwrap();
    for mut client in both(&server).await {
        for _ in 0..10 {
            is_alive(&mut client).await;
        }
        // Names that nobody answers count too.
        for event in ["echo", "nobody"] {
            let failure = client.emit_with_ack::<Value>(event, 1).await.unwrap_err();
            assert_eq!((failure.code(), failure.message()), (Some("rate_limited"), "at most 10 events a second"));
            assert_eq!(failure.payload()["details"]["retry_after_ms"], 100);
        }
        tokio::time::advance(Duration::from_millis(100)).await;
        is_alive(&mut client).await;
        client.emit("echo", 1).await;
        assert_eq!(client.expect_exception().await.code(), Some("rate_limited"));
    }
    assert_eq!(server.count(Counter::RateLimited), 6);
    let mut another = server.connect("/target").await.unwrap();
    is_alive(&mut another).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_counts_for_the_rate_of_a_socket() {
    let limits = Limits::new().events_per_second(NonZeroU32::new(10));
    let server = server().limits(limits).test().await.unwrap();
    let deep = format!(r#"{{"event":"echo","data":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    for text in ["malformed", r#"{"data":1}"#, &deep] {
        let mut client = server.connect("/target").await.unwrap();
        let mut codes = Vec::new();
        for _ in 0..12 {
            client.send_text(text).await;
            codes.push(client.expect_exception().await.code().unwrap().to_owned());
        }
        assert!(codes[..10].iter().all(|code| code != "rate_limited"), "{codes:?}");
        assert_eq!(codes[10..], ["rate_limited", "rate_limited"]);
    }
}

#[tokio::test(start_paused = true)]
async fn namespaces_beyond_the_rate_are_told_when_to_come_back() {
    let limits = Limits::new().events_per_second(NonZeroU32::new(2)).namespaces_per_connection(5);
    let server = server().limits(limits).test().await.unwrap();
    let mut client = server.connect("/target").socket_io().await.unwrap();
    for number in 0..100 {
        client.send_text(&format!("40/door-{number},")).await;
        settle().await;
        if server.count(Counter::RateLimited) > 0 {
            break;
        }
        client.send_text(&format!("41/door-{number},")).await;
        settle().await;
    }
    // As many at once as it may be in, its own among them.
    let counters = [Counter::Connections, Counter::RateLimited, Counter::RefusedConnections];
    assert_eq!(counters.map(|counter| server.count(counter)), [5, 1, 1]);
}

/// Lets nobody in whose name is on the list.
struct NotBanned(Arc<AtomicUsize>);

impl Guard for NotBanned {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Grant::when(self.0.load(Ordering::Relaxed) == 0)
    }
}

/// A socket that comes back is asked like one that comes; by every way an event can be sent.
#[tokio::test(start_paused = true)]
async fn who_was_banned_meanwhile_does_not_come_back() {
    let banned = Arc::<AtomicUsize>::default();
    let server = server().guard(NotBanned(Arc::clone(&banned))).recovery(gateway_core::serve::Recovery::default());
    let server = server.test().await.unwrap();
    let mut client = server.connect("/target").socket_io().await.unwrap();
    server.of("/target").emit("told", &1);
    assert_eq!(client.expect_named("told").await, 1);
    let mut doomed = server.connect("/target").socket_io().await.unwrap();
    let lost = client.lose();
    settle().await;
    banned.store(1, Ordering::Relaxed);
    assert!(server.connect("/target").socket_io().come_back(&lost).await.is_err());
    let with_ack = r#"42/target,1["echo",1]"#;
    let binary = r#"451-/target,2["echo",{"_placeholder":true,"num":0}]"#;
    for packet in [with_ack, binary] {
        doomed.send_text(packet).await;
    }
    doomed.send_message(Bytes::from_static(b"x")).await;
    for number in [1, 2] {
        let told = doomed.next().await;
        assert!(
            matches!(&told, Received::Exception { id: Some(id), failure } if *id == number && failure.code() == Some("forbidden")),
            "{told:?}"
        );
    }
    doomed.send_text("40/names-x,").await;
    settle().await;
    assert_eq!(server.of("/names-x").count(), 0);
}
