//! Order of events: those of one socket, concurrency, streams, the connect hook, a full queue.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

/// Log of handlers, in order.
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

/// Lets handlers pass, one for each permit.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

impl Gate {
    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }

    fn open(&self, times: usize) {
        self.0.add_permits(times);
    }
}

#[gateway(namespace = "/order")]
struct Order {
    log: Log,
    gate: Gate,
}

#[gateway]
impl Order {
    /// Takes as many milliseconds as it is told.
    #[subscribe]
    async fn slow(&self, Data(pause): Data<u64>) -> u64 {
        self.log.add(format!("begin {pause}"));
        sleep(Duration::from_millis(pause)).await;
        self.log.add(format!("end {pause}"));
        pause
    }

    #[subscribe]
    async fn gated(&self, Data(number): Data<u64>) -> u64 {
        self.gate.pass().await;
        self.log.add(format!("gated {number}"));
        number
    }

    #[subscribe(concurrency = 2)]
    async fn beside(&self, Data(number): Data<u64>) -> u64 {
        self.log.add(format!("begin {number}"));
        self.gate.pass().await;
        number
    }

    #[subscribe]
    fn echo(&self, Data(number): Data<u64>) -> u64 {
        number
    }

    #[subscribe]
    fn ticks(&self) -> impl Stream<Item = u64> {
        stream::unfold(0, |tick| async move {
            sleep(Duration::from_secs(1)).await;
            Some((tick, tick + 1))
        })
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Value, Exception> {
        let answer = socket.emit_with_ack("question", "why?").await;
        answer.map_err(|error| Exception::message(error.to_string()))
    }
}

struct World {
    server: TestServer,
    client: TestClient,
    log: Log,
    gate: Gate,
}

async fn world() -> World {
    let (log, gate) = (Log::default(), Gate(Arc::new(Semaphore::new(0))));
    let limits = Limits::new().queued_events(4);
    let server = Server::empty()
        .gateway::<Order>()
        .provide(log.clone())
        .provide(gate.clone())
        .limits(limits)
        .test()
        .await
        .unwrap();
    let client = server.connect("/order").await.unwrap();
    World { server, client, log, gate }
}

async fn expect_reply(client: &mut TestClient, expected: u64) {
    let received = client.next().await;
    let Received::Reply { id, more: false, .. } = received else {
        panic!("{expected} is not answered by {received:?}")
    };
    assert_eq!(id, expected);
}

#[tokio::test(start_paused = true)]
async fn events_of_one_socket_are_handled_one_after_the_other() {
    let World { server: _server, mut client, log, .. } = world().await;
    for pause in [30, 20, 10] {
        client.begin("slow", pause).await;
    }
    for id in 1..=3 {
        expect_reply(&mut client, id).await;
    }
    assert_eq!(log.take(), ["begin 30", "end 30", "begin 20", "end 20", "begin 10", "end 10"]);
}

#[tokio::test(start_paused = true)]
async fn events_of_two_sockets_are_handled_at_the_same_time() {
    let World { server, client: mut ann, .. } = world().await;
    let mut bob = server.connect("/order").await.unwrap();
    let began = Instant::now();
    ann.begin("slow", 100).await;
    bob.begin("slow", 100).await;
    expect_reply(&mut ann, 1).await;
    expect_reply(&mut bob, 1).await;
    assert_eq!(began.elapsed().as_millis(), 100);
}

#[tokio::test(start_paused = true)]
async fn concurrency_frees_a_handler_from_the_order_up_to_its_number() {
    let World { server: _server, mut client, log, gate } = world().await;
    for number in 1..=3 {
        client.begin("beside", number).await;
    }
    client.expect_nothing().await;
    assert_eq!(log.take(), ["begin 1", "begin 2"]);
    gate.open(1);
    expect_reply(&mut client, 1).await;
    client.expect_nothing().await;
    assert_eq!(log.take(), ["begin 3"]);
    gate.open(2);
    client.next().await;
    client.next().await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_concurrency_holds_up_no_other() {
    let World { server: _server, mut client, gate, .. } = world().await;
    client.begin("beside", 1).await;
    assert_eq!(client.emit_with_ack::<u64>("echo", 7).await.unwrap(), 7);
    client.begin("gated", 1).await;
    client.begin("beside", 2).await;
    gate.open(3);
    let ids = [client.next().await, client.next().await, client.next().await];
    assert!(ids.iter().all(|received| matches!(received, Received::Reply { more: false, .. })), "{ids:?}");
}

#[tokio::test(start_paused = true)]
async fn a_handler_with_concurrency_overtakes_what_waits_for_another_place() {
    let World { server: _server, mut client, log, gate } = world().await;
    client.begin("slow", 1000).await;
    client.begin("slow", 10).await;
    for number in 1..=3 {
        client.begin("beside", number).await;
    }
    client.expect_nothing().await;
    assert_eq!(log.take(), ["begin 1000", "begin 1", "begin 2"]);
    gate.open(3);
    for id in [3, 4, 5, 1, 2] {
        expect_reply(&mut client, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_frees_its_place_once_it_is_returned() {
    let World { server: _server, mut client, .. } = world().await;
    let stream = client.begin("ticks", ()).await;
    assert_eq!(client.emit_with_ack::<u64>("echo", 7).await.unwrap(), 7);
    for expected in 0..3 {
        assert_eq!(
            client.next().await,
            Received::Reply { id: stream, event: "ticks".into(), data: expected.into(), more: true }
        );
    }
    client.send_text(&json!({"cancel": stream}).to_string()).await;
    let received = client.next().await;
    assert!(
        matches!(&received, Received::Exception { id: Some(id), failure } if *id == stream && failure.code() == Some("cancelled")),
        "{received:?}"
    );
    sleep(Duration::from_secs(5)).await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_stops_the_reading_and_loses_nothing() {
    let World { server, mut client, log, gate } = world().await;
    for number in 1..=20 {
        client.begin("gated", number).await;
    }
    // One runs and four wait; this is behind them, unread.
    client.send_text(r#"{"cancel":1}"#).await;
    client.expect_nothing().await;
    gate.open(1);
    expect_reply(&mut client, 1).await;
    client.expect_nothing().await;
    gate.open(19);
    for id in 2..=20 {
        expect_reply(&mut client, id).await;
    }
    client.expect_nothing().await;
    assert_eq!(log.take(), (1..=20).map(|number| format!("gated {number}")).collect::<Vec<_>>());
    assert_eq!(server.count(Counter::Overloads), 0);
    assert_eq!(server.count(Counter::Events), 20);
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_in_bytes_too() {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    let limits = Limits::new().queued_bytes("echo2".len());
    let server = Server::empty().gateway::<Order>().provide(Log::default()).provide(gate.clone()).limits(limits);
    let server = server.test().await.unwrap();
    let mut client = server.connect("/order").await.unwrap();
    client.begin("gated", 1).await;
    client.begin("echo", 2).await;
    client.send_text(r#"{"cancel":1}"#).await;
    client.expect_nothing().await;
    gate.open(1);
    expect_reply(&mut client, 1).await;
    expect_reply(&mut client, 2).await;
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_queue_has_room_a_cancel_is_read_at_once() {
    let World { server: _server, mut client, gate, .. } = world().await;
    for number in 1..=4 {
        client.begin("gated", number).await;
    }
    client.send_text(r#"{"cancel":3}"#).await;
    let received = client.next().await;
    assert!(matches!(&received, Received::Exception { id: Some(3), .. }), "{received:?}");
    gate.open(3);
    for id in [1, 2, 4] {
        expect_reply(&mut client, id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_floods_still_answers_what_it_is_asked() {
    let World { server, mut client, .. } = world().await;
    let asking = client.begin("ask", ()).await;
    let (ask, _) = client.expect_question("question").await;
    let flood: Vec<u64> = (0..20).map(|number| asking + 1 + number).collect();
    for number in 0..20 {
        client.begin("echo", number).await;
    }
    client.answer(ask, "because").await;

    for id in &flood[4..] {
        let received = client.next().await;
        let Received::Exception { id: told, failure } = received else { panic!("{received:?}") };
        assert_eq!((told, failure.code()), (Some(*id), Some("overloaded")));
    }
    assert_eq!(
        client.next().await,
        Received::Reply { id: asking, event: "ask".into(), data: "because".into(), more: false }
    );
    for id in &flood[..4] {
        expect_reply(&mut client, *id).await;
    }
    client.expect_nothing().await;
    assert_eq!(server.count(Counter::Overloads), 16);
}

/// Decision of the connect hook of `/hook`, and its time.
#[gateway(namespace = "/hook")]
struct Hook {
    log: Log,
    gate: Gate,
}

#[gateway]
impl Hook {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        socket.emit("welcome", &1)?;
        if socket.handshake().query("ask").is_some() {
            let answer = socket.emit_with_ack::<Value>("question", "who?").await;
            self.log.add(format!("{answer:?}"));
        }
        self.gate.pass().await;
        socket.emit("welcome", &2)?;
        self.log.add("accepted");
        if socket.handshake().query("refuse").is_some() {
            return Err(ConnectRejection::new("no", "not you"));
        }
        Ok(())
    }

    #[subscribe]
    fn message(&self, Data(number): Data<u64>) -> u64 {
        self.log.add(format!("message {number}"));
        number
    }

    #[subscribe]
    async fn never(&self) {
        pending::<()>().await;
    }
}

async fn hook() -> (TestServer, Log, Gate) {
    let (log, gate) = (Log::default(), Gate(Arc::new(Semaphore::new(0))));
    let limits = Limits::new().queued_events(4);
    let server = Server::empty()
        .gateway::<Hook>()
        .provide(log.clone())
        .provide(gate.clone())
        .limits(limits)
        .test()
        .await
        .unwrap();
    (server, log, gate)
}

#[tokio::test(start_paused = true)]
async fn messages_before_the_verdict_wait_for_it() {
    let (server, log, gate) = hook().await;
    let mut client = server.connect("/hook").without_waiting().unwrap();
    for number in 1..=10 {
        client.begin("message", number).await;
    }
    client.expect_nothing().await;
    assert!(log.take().is_empty());
    gate.open(1);
    client.admitted().await.unwrap();
    assert_eq!(client.expect_named("welcome").await, 1);
    assert_eq!(client.expect_named("welcome").await, 2);
    for id in 1..=10 {
        expect_reply(&mut client, id).await;
    }
    let messages = (1..=10).map(|number| format!("message {number}"));
    assert_eq!(log.take(), ["accepted".to_owned()].into_iter().chain(messages).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_to_a_socket_before_the_verdict_is_held_until_it() {
    let (server, _, gate) = hook().await;
    let mut client = server.connect("/hook").without_waiting().unwrap();
    client.expect_nothing().await;
    assert_eq!(server.of("/hook").emit("news", &0).queued, 1);
    client.expect_nothing().await;
    gate.open(1);
    client.admitted().await.unwrap();
    let names = [client.next().await, client.next().await, client.next().await].map(|received| match received {
        Received::Event { event, .. } => event,
        other => panic!("{other:?}"),
    });
    assert_eq!(names, ["welcome", "news", "welcome"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_for_a_refused_socket_is_thrown_away() {
    let (server, _, gate) = hook().await;
    gate.open(1);
    let mut client = server.connect("/hook?refuse").without_waiting().unwrap();
    client.begin("message", 1).await;
    client.closed().await;
    let received = client.next().await;
    assert!(
        matches!(&received, Received::Exception { id: None, failure } if failure.code() == Some("no")),
        "{received:?}"
    );
    client.expect_nothing().await;
    assert_eq!(server.count(Counter::Events), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_is_not_asked_while_its_connect_hook_runs() {
    let (server, log, gate) = hook().await;
    gate.open(1);
    let mut client = server.connect("/hook?ask").await.unwrap();
    assert_eq!(log.take(), ["Err(NotConnected)", "accepted"]);
    assert_eq!(client.expect_named("welcome").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_ends_holds_its_socket_up_for_a_bounded_time() {
    let (server, _, gate) = hook().await;
    gate.open(1);
    let mut client = server.connect("/hook").await.unwrap();
    let began = Instant::now();
    client.emit("never", ()).await;
    assert_eq!(client.emit_with_ack::<u64>("message", 1).await.unwrap(), 1);
    assert_eq!(began.elapsed().as_secs(), 30);
    assert_eq!(client.expect_exception().await.code(), Some("timeout"));
    assert_eq!(server.count(Counter::Timeouts), 1);
}

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    async fn take(&self, socket: Socket) {
        let _ = socket.emit_with_ack::<Value>("question", &()).timeout(Duration::from_secs(5)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_gateway_reads_no_further_than_its_queue_even_while_it_asks() {
    let limits = Limits::new().queued_events(4);
    let server = Server::empty().gateway::<Raw>().limits(limits).test().await.unwrap();
    let mut client = server.connect("/raw").await.unwrap();
    for _ in 0..5 {
        client.send_message("x").await;
    }
    // The close is behind what waits, so that it is read only when the first of them is done.
    let began = Instant::now();
    client.close().await;
    assert_eq!(began.elapsed().as_secs(), 5);
}
