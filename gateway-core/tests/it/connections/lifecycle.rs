//! A connection from its connect hook to its disconnect hook, and how a server stops.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::http::StatusCode;
use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, Received, TestServer};
use gateway_core::{CloseCode, Disconnect};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Log of hooks and handlers, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the store said: secret")]
struct StoreError;

/// Its connect hook does what the query says.
#[gateway(namespace = "/door")]
struct GuardPoint {
    log: Log,
}

#[gateway]
impl GuardPoint {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        tokio::task::yield_now().await;
        match socket.handshake().query("do") {
            Some("refuse") => {
                return Err(ConnectRejection::new("banned", "come back tomorrow").with_details(&json!({"days": 1})));
            }
            Some("talk") => {
                for _ in 0..2000 {
                    let _ = socket.emit("held", &());
                }
                return Err(ConnectRejection::message("no"));
            }
            Some("policy") => return Err(ConnectRejection::message("no").with_close_code(CloseCode::POLICY)),
            Some("hidden") => return Err(Exception::hidden("store", &StoreError).into()),
            Some("panic") => panic!("on request"),
            Some("hang") => {
                socket.emit("held", &())?;
                pending::<()>().await;
            }
            Some("disconnect") => {
                socket.emit("held", &())?;
                socket.disconnect(Disconnect::default());
            }
            _ => {}
        }
        socket.join("hall").await?;
        Ok(())
    }

    #[on_disconnect]
    fn left(&self, socket: Socket, reason: DisconnectReason) {
        self.log.add(format!("left {:?}: {reason}", socket.rooms()));
    }

    #[subscribe]
    async fn linger(&self, socket: Socket) {
        self.log.add("lingers");
        socket.closed().await;
        sleep(Duration::from_secs(1)).await;
        self.log.add("lingered");
    }

    #[subscribe]
    async fn slow(&self, Data(seconds): Data<u64>) -> u64 {
        sleep(Duration::from_secs(seconds)).await;
        self.log.add("slow");
        seconds
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Value, Exception> {
        socket.emit_with_ack("question", &()).await.map_err(|error| Exception::message(error.to_string()))
    }

    #[subscribe]
    fn ticks(&self) -> impl Stream<Item = u64> {
        stream::unfold(0, |tick| async move {
            sleep(Duration::from_secs(1)).await;
            Some((tick, tick + 1))
        })
    }

    #[subscribe]
    fn later(&self, ack: Ack) {
        tokio::spawn(async move {
            sleep(Duration::from_secs(2)).await;
            ack.send("later");
        });
    }

    #[subscribe]
    fn leave(&self, socket: Socket) {
        socket.disconnect(Disconnect::new(CloseCode::new(4123), "as you wish"));
    }

    #[subscribe]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }
}

async fn door() -> (TestServer, Log) {
    door_with(Limits::default()).await
}

async fn door_with(limits: Limits) -> (TestServer, Log) {
    let log = Log::default();
    let server = Server::empty().gateway::<GuardPoint>().provide(log.clone()).limits(limits).test().await.unwrap();
    (server, log)
}

/// Connects, expects to be refused with this payload and close frame, and that nothing is left behind.
async fn refused(query: &str, expected: Value, code: CloseCode, reason: &'static str) {
    let (server, log) = door().await;
    let error = server.connect(query).await.unwrap_err();
    let ConnectError::Refused(failure, closed) = error else { panic!("{query}: {error:?}") };
    let mut payload = failure.payload().clone();
    // What is hidden has a name of its own each time.
    let id = payload.as_object_mut().unwrap().remove("id");
    assert_eq!(id.is_some(), code == CloseCode::INTERNAL, "{query}");
    assert_eq!(payload, expected);
    assert_eq!(closed, Some(Disconnect::new(code, reason)), "{query}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), [""; 0], "{query}");
    assert_eq!(server.of("/door").count(), 0, "{query}");
    let read = [Counter::RefusedConnections, Counter::Connections, Counter::Disconnections]
        .map(|counter| server.count(counter));
    assert_eq!(read, [1, 0, 0], "{query}");
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_reads_why_and_is_closed() {
    let cause = json!({"pattern": "connect"});
    let banned = json!({"status": "error", "message": "come back tomorrow", "code": "banned", "details": {"days": 1}, "cause": cause});
    refused("/door?do=refuse", banned, CloseCode::REFUSED, "refused").await;
    refused(
        "/door?do=policy",
        json!({"status": "error", "message": "no", "cause": cause}),
        CloseCode::POLICY,
        "refused",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_that_fails_unexpectedly_hides_why() {
    let failure = |code| json!({"status": "error", "message": "Internal server error", "code": code, "cause": {"pattern": "connect"}});
    refused("/door?do=hidden", failure("store"), CloseCode::INTERNAL, "internal error").await;
    refused("/door?do=panic", failure("internal"), CloseCode::INTERNAL, "internal error").await;
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_has_a_bounded_time() {
    let began = Instant::now();
    let failure = json!({"status": "error", "message": "the connect hook took too long", "code": "timeout", "cause": {"pattern": "connect"}});
    refused("/door?do=hang", failure, CloseCode::CONNECT_TIMEOUT, "connect timeout").await;
    assert_eq!(began.elapsed().as_secs(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_its_own_hook_disconnects_reads_what_was_sent_before() {
    let (server, log) = door().await;
    let mut client = server.connect("/door?do=disconnect").without_waiting().unwrap();
    assert_eq!(client.closed().await, Some(Disconnect::default()));
    client.expect_named("held").await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: the server disconnected it (4501)"#]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_for_a_socket_that_was_never_accepted_is_not_sent() {
    let (server, log) = door().await;
    let mut client = server.connect("/door?do=hang").without_waiting().unwrap();
    client.expect_nothing().await;
    assert_eq!(server.of("/door").all().disconnect(Disconnect::default()), 1);
    assert_eq!(client.closed().await, Some(Disconnect::default()));
    client.expect_nothing().await;
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_while_its_connect_hook_runs_leaves_nothing_behind() {
    let (server, log) = door().await;
    let client = server.connect("/door?do=hang").without_waiting().unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.of("/door").count(), 1);
    drop(client);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(server.of("/door").count(), 0);
    assert_eq!(log.take(), [""; 0]);
    assert_eq!(server.count(Counter::RefusedConnections), 0);
}

#[gateway(namespace = "/two")]
struct First {
    log: Log,
}

#[gateway]
impl First {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        self.log.add("first joins");
        socket.join("first").await?;
        Ok(())
    }

    #[on_disconnect]
    async fn left(&self, socket: Socket, reason: DisconnectReason) {
        tokio::task::yield_now().await;
        self.log.add(format!("first leaves {:?}: {}", socket.rooms(), reason.code()));
    }

    #[subscribe]
    fn one(&self) -> u8 {
        1
    }
}

#[gateway(namespace = "/two")]
struct Second {
    log: Log,
}

#[gateway]
impl Second {
    #[on_connect]
    fn joined(&self, handshake: Handshake) -> Result<(), ConnectRejection> {
        self.log.add("second joins");
        match handshake.query("refuse") {
            Some(_) => Err(ConnectRejection::message("no")),
            None => Ok(()),
        }
    }

    #[on_disconnect]
    fn left(&self) -> Result<(), Exception> {
        self.log.add("second leaves");
        Err(Exception::message("only the log hears this"))
    }

    #[subscribe]
    fn two(&self) -> u8 {
        2
    }
}

#[tokio::test(start_paused = true)]
async fn gateways_of_one_namespace_share_its_sockets() {
    let log = Log::default();
    let server = Server::empty().gateway::<Second>().gateway::<First>().provide(log.clone()).test().await.unwrap();
    let mut client = server.connect("/two").await.unwrap();
    assert_eq!(log.take(), ["first joins", "second joins"]);
    assert_eq!(client.emit_with_ack::<u8>("one", ()).await.unwrap(), 1);
    assert_eq!(client.emit_with_ack::<u8>("two", ()).await.unwrap(), 2);
    client.close().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["second leaves", r#"first leaves ["first"]: 1000"#]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_by_the_second_gateway_runs_the_disconnect_hook_of_the_first_only() {
    let log = Log::default();
    let server = Server::empty().gateway::<First>().gateway::<Second>().provide(log.clone()).test().await.unwrap();
    assert!(matches!(server.connect("/two?refuse").await, Err(ConnectError::Refused(..))));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["first joins", "second joins", r#"first leaves ["first"]: 4500"#]);
}

#[tokio::test(start_paused = true)]
async fn the_disconnect_hook_runs_after_the_handlers_with_the_rooms_still_readable() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    client.emit("linger", ()).await;
    client.emit("echo", "never handled").await;
    client.close_with(CloseCode::GOING_AWAY, "the page was left").await;
    assert_eq!(server.of("/door").to("hall").count(), 1);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(log.take(), ["lingers", "lingered", r#"left ["hall"]: the client closed (1001)"#]);
    assert_eq!(server.of("/door").count(), 0);
    assert_eq!(server.count(Counter::Events), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_ignores_that_its_client_left_is_let_go_of() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    client.emit("slow", 20).await;
    client.close().await;
    sleep(Duration::from_secs(4)).await;
    assert_eq!(log.take(), [""; 0]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: the client closed (1000)"#]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_does_not_hold_up_the_end_of_its_connection() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    client.begin("ticks", ()).await;
    client.expect_nothing().await;
    drop(client);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: the connection was lost (1006)"#]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_off_is_lost() {
    let (server, log) = door().await;
    let client = server.connect("/door").await.unwrap();
    drop(client);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: the connection was lost (1006)"#]);
    assert_eq!(server.count(Counter::Disconnections), 1);
}

#[tokio::test(start_paused = true)]
async fn a_close_of_the_client_is_answered_with_its_own_code() {
    let (server, _) = door().await;
    assert_eq!(server.connect("/door").await.unwrap().close().await, Some(Disconnect::new(CloseCode::NORMAL, "")));
}

#[tokio::test(start_paused = true)]
async fn the_server_disconnects_by_code_and_reason() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    let id = client.begin("leave", ()).await;
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::new(4123), "as you wish")));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: the server disconnected it (4123)"#]);
    let _ = id;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_asked_and_stays() {
    let (server, _) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(client.emit_with_ack::<u8>("echo", 1).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_ping_is_closed() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    client.stop_reading();
    sleep(Duration::from_secs(44)).await;
    assert_eq!(log.take(), [""; 0]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(log.take(), [r#"left ["hall"]: heartbeat timeout (4001)"#]);
    client.read_on();
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::HEARTBEAT_TIMEOUT, "heartbeat timeout")));
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_dead_while_the_server_itself_does_not_read() {
    let limits = Limits::new().queued_events(1).handler_timeout(Duration::from_mins(5));
    let (server, _) = door_with(limits).await;
    let mut client = server.connect("/door").await.unwrap();
    let slow = client.begin("slow", 200).await;
    client.begin("echo", 1).await;
    client.begin("echo", 2).await;
    sleep(Duration::from_secs(201)).await;
    assert_eq!(client.next().await, Received::Reply { id: slow, event: "slow".into(), data: 200.into(), more: false });
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_answers_what_it_has_accepted() {
    let (server, log) = door().await;
    let mut ann = server.connect("/door").await.unwrap();
    let mut bob = server.connect("/door").await.unwrap();
    let first = ann.begin("slow", 2).await;
    let second = ann.begin("echo", 1).await;
    server.handle().shutdown();
    assert_eq!(bob.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
    assert_eq!(ann.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
    let received = [ann.next().await, ann.next().await];
    let expected = [(first, "slow", 2), (second, "echo", 1)].map(|(id, event, data)| Received::Reply {
        id,
        event: event.into(),
        data: data.into(),
        more: false,
    });
    assert_eq!(received, expected);
    server.stop().await;
    let left = r#"left ["hall"]: the server stops (1001)"#;
    assert_eq!(log.take(), [left, "slow", left]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_waits_for_answers_that_are_given_elsewhere() {
    let (server, _) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    let id = client.begin("later", ()).await;
    server.handle().shutdown();
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
    assert_eq!(client.next().await, Received::Reply { id, event: "later".into(), data: "later".into(), more: false });
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_whatever_was_sent_before() {
    let (server, _) = door_with(Limits::new().overflow(Overflow::DropNewest)).await;
    let error = server.connect("/door?do=talk").await.unwrap_err();
    let ConnectError::Refused(failure, _) = error else { panic!("{error:?}") };
    assert_eq!(failure.message(), "no");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_ends_streams_and_lets_go_of_what_takes_too_long() {
    let (server, log) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    let stream = client.begin("ticks", ()).await;
    client.begin("slow", 25).await;
    client.expect_nothing().await;
    let began = Instant::now();
    let handle = server.handle();
    handle.shutdown();
    let received = client.next().await;
    assert!(
        matches!(&received, Received::Exception { id: Some(id), failure } if *id == stream && failure.code() == Some("gone")),
        "{received:?}"
    );
    handle.stopped().await;
    assert!(began.elapsed() <= Duration::from_secs(11), "{:?}", began.elapsed());
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
    assert_eq!(log.take(), [r#"left ["hall"]: the server stops (1001)"#]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_asks_while_the_server_stops_still_gets_its_answer() {
    let (server, _) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    let id = client.begin("ask", ()).await;
    let (ask, _) = client.expect_question("question").await;
    server.handle().shutdown();
    client.expect_nothing().await;
    client.answer(ask, "because").await;
    assert_eq!(client.next().await, Received::Reply { id, event: "ask".into(), data: "because".into(), more: false });
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_takes_nobody_new() {
    let (server, log) = door().await;
    server.handle().shutdown();
    let error = server.connect("/door").await.unwrap_err();
    let (status, text) = (StatusCode::SERVICE_UNAVAILABLE, "the server stops".to_owned());
    assert_eq!(error, ConnectError::Rejected { status, text });
    server.handle().stopped().await;
    assert_eq!(log.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_does_not_wait_for_connect_hooks() {
    let (server, log) = door().await;
    let mut client = server.connect("/door?do=hang").without_waiting().unwrap();
    client.expect_nothing().await;
    let began = Instant::now();
    server.stop().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(client.closed().await, Some(Disconnect::new(CloseCode::GOING_AWAY, "going away")));
    client.expect_nothing().await;
    assert_eq!(log.take(), [""; 0]);
}

/// Its disconnect hook fails as the query says.
#[gateway(namespace = "/out")]
struct Out {
    log: Log,
}

#[gateway]
impl Out {
    #[on_disconnect]
    async fn left(&self, handshake: Handshake) {
        assert!(handshake.query("panic").is_none(), "on request");
        pending::<()>().await;
    }

    #[on_disconnect]
    fn left_too(&self) {
        self.log.add("the other hook");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_hook_that_fails_holds_up_nobody() {
    let log = Log::default();
    let server = Server::empty().gateway::<Out>().provide(log.clone()).test().await.unwrap();
    server.connect("/out?panic").await.unwrap().close().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["the other hook"]);
    server.connect("/out").await.unwrap().close().await;
    sleep(Duration::from_secs(31)).await;
    assert_eq!(log.take(), ["the other hook"]);
    let read = [Counter::Panics, Counter::Timeouts, Counter::Disconnections].map(|counter| server.count(counter));
    assert_eq!(read, [1, 1, 2]);
    assert_eq!(server.of("/out").count(), 0);
}

#[gateway(namespace = "/heard")]
struct Heard {
    log: Log,
}

#[gateway]
impl Heard {
    #[on_disconnect]
    fn fails(&self) -> Result<(), Exception> {
        Err(Exception::hidden("store", &StoreError))
    }

    #[on_disconnect]
    fn runs_all_the_same(&self) {
        self.log.add("the other hook");
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) {
        let answer = socket.emit_with_ack::<Value>("question", &()).await;
        self.log.add(format!("{answer:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_hook_that_fails_is_heard_of() {
    let log = Log::default();
    let server = Server::empty().gateway::<Heard>().provide(log.clone()).test().await.unwrap();
    server.connect("/heard").await.unwrap().close().await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["the other hook"]);
    assert_eq!(server.count(Counter::Exceptions), 0);
}

#[tokio::test(start_paused = true)]
async fn a_question_to_a_client_that_leaves_ends() {
    let log = Log::default();
    let server = Server::empty().gateway::<Heard>().provide(log.clone()).test().await.unwrap();
    let mut client = server.connect("/heard").await.unwrap();
    client.emit("ask", ()).await;
    client.expect_question("question").await;
    drop(client);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["Err(Gone)", "the other hook"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_comes_while_the_server_stops_is_told_so() {
    let (server, _) = door().await;
    let mut client = server.connect("/door").await.unwrap();
    let asking = client.begin("ask", ()).await;
    let (ask, _) = client.expect_question("question").await;
    server.handle().shutdown();
    client.expect_nothing().await;
    let late = client.begin("echo", 1).await;
    client.answer(ask, "because").await;
    let received = client.next().await;
    assert!(
        matches!(&received, Received::Exception { id: Some(id), failure } if *id == late && failure.code() == Some("gone")),
        "{received:?}"
    );
    assert_eq!(
        client.next().await,
        Received::Reply { id: asking, event: "ask".into(), data: "because".into(), more: false }
    );
    client.closed().await;
}
