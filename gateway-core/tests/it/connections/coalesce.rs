//! Events of which only the latest is worth sending: a client that reads slowly is spared what is out of date.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gateway_core::SendError;
use gateway_core::extract::Args;
use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::sleep;

#[derive(Serialize, Deserialize, Event)]
#[event("moved")]
struct Moved {
    x: u32,
}

#[gateway(namespace = "/board")]
struct Board;

#[gateway]
impl Board {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("all").await?)
    }

    /// Several moves in one turn.
    #[subscribe]
    fn wipe(&self, socket: Socket) -> Result<(), SendError> {
        for x in 0..5 {
            socket.emit_latest("cursor", "own", &x)?;
            socket.to("all").emit_latest("cursor", "other", &x);
        }
        socket.emit("done", &true)
    }
}

async fn serve(limits: Limits) -> TestServer {
    Server::empty().gateway::<Board>().limits(limits).test().await.unwrap()
}

async fn server() -> TestServer {
    serve(Limits::new().outbox_frames(64)).await
}

/// A client that does not read, and for whom so much is on its way that everything else waits.
async fn busy(server: &TestServer, client: &mut TestClient) {
    client.stop_reading();
    for number in 0..IN_FLIGHT {
        server.of("/board").emit("fill", &number);
        sleep(Duration::from_millis(1)).await;
    }
}

/// Frames that fit between the server and a client in memory that does not read.
const IN_FLIGHT: usize = 16;

/// The events that have come, but those of [`busy`].
async fn events(client: &mut TestClient) -> Vec<(String, Value)> {
    client.read_on();
    let mut events = Vec::new();
    loop {
        match client.next().await {
            Received::Event { event, .. } if event == "fill" => {}
            Received::Event { event, .. } if event == "last" => return events,
            Received::Event { event, data } => events.push((event, data)),
            other => panic!("no event: {other:?}"),
        }
    }
}

fn event(name: &str, data: impl Serialize) -> (String, Value) {
    (name.to_owned(), json!(data))
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_sent_the_latest_of_each_key_in_the_order_it_was_sent() {
    let server = server().await;
    for socket_io in [false, true] {
        let connect = server.connect("/board");
        let mut slow = if socket_io { connect.socket_io() } else { connect }.await.unwrap();
        busy(&server, &mut slow).await;
        let board = server.of("/board");
        board.emit_latest("cursor", "ann", &1);
        board.emit_latest("cursor", "bob", &1);
        board.emit("drawn", &"a line");
        board.emit_latest("cursor", "ann", &2);
        board.send_latest("ann", Moved { x: 1 });
        board.to("all").emit_latest("cursor", "ann", &Args((3, "px")));
        board.sockets()[0].send_latest("ann", Moved { x: 2 }).unwrap();
        board.sockets()[0].emit_latest("cursor", "cid", &Bytes::from_static(b"\x01\x02")).unwrap();
        board.sockets()[0].emit_latest("cursor", "cid", &Bytes::from_static(b"\x03")).unwrap();
        board.emit("last", &());
        let expected = [
            event("cursor", 1),
            event("drawn", "a line"),
            event("cursor", (3, "px")),
            event("moved", json!({"x": 2})),
            event("cursor", "Aw=="),
        ];
        assert_eq!(events(&mut slow).await, expected);
        slow.close().await;
    }
    assert_eq!(server.count(Counter::CoalescedFrames), 2 * 4);
}

#[tokio::test(start_paused = true)]
async fn who_reads_misses_nothing() {
    let server = server().await;
    let mut ann = server.connect("/board").await.unwrap();
    for number in 0..10 {
        server.of("/board").emit_latest("cursor", "bob", &number);
        assert_eq!(ann.expect_named("cursor").await, number);
    }
    assert_eq!(server.count(Counter::CoalescedFrames), 0);
}

#[tokio::test(start_paused = true)]
async fn in_one_turn_only_the_latest_leaves() {
    let server = server().await;
    let mut ann = server.connect("/board").await.unwrap();
    let mut bob = server.connect("/board").await.unwrap();
    ann.emit("wipe", ()).await;
    ann.expect_named("done").await;
    assert_eq!(bob.expect_named("cursor").await, 4);
    bob.expect_nothing().await;
    assert_eq!(ann.expect_named("cursor").await, 4);
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_by_the_number_of_keys_and_not_by_that_of_events() {
    let server = serve(Limits::new().outbox_frames(4)).await;
    let mut slow = server.connect("/board").await.unwrap();
    busy(&server, &mut slow).await;
    for number in 0..10_000 {
        let key = ["ann", "bob"][number % 2];
        assert_eq!(server.of("/board").emit_latest("cursor", key, &number).queued, 1);
    }
    server.of("/board").emit("last", &());
    assert_eq!(events(&mut slow).await, [event("cursor", 9998), event("cursor", 9999)]);
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limits_the_policy_decides_as_ever() {
    let server = serve(Limits::new().outbox_frames(4).overflow(Overflow::DropNewest)).await;
    let mut slow = server.connect("/board").await.unwrap();
    busy(&server, &mut slow).await;
    let mut queued = 0;
    for key in 0..6 {
        queued += server.of("/board").emit_latest("cursor", key.to_string(), &key).queued;
        tokio::task::yield_now().await;
    }
    assert_eq!(queued, 4);
    assert_eq!(server.of("/board").emit_latest("cursor", "2", &"again").queued, 1);
    assert_eq!(server.count(Counter::DroppedFrames), 2);
}

#[tokio::test(start_paused = true)]
async fn a_volatile_one_is_as_any_other_that_is_volatile() {
    let server = server().await;
    let mut slow = server.connect("/board").await.unwrap();
    busy(&server, &mut slow).await;
    server.of("/board").emit_latest("cursor", "ann", &1);
    assert_eq!(server.of("/board").all().volatile().emit_latest("cursor", "ann", &2).queued, 0);
    server.of("/board").emit("last", &());
    assert_eq!(events(&mut slow).await, [event("cursor", 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_has_missed_nothing_that_still_counts() {
    let server = Server::empty().gateway::<Board>().recovery(Recovery::new().events(20));
    let server = server.test().await.unwrap();
    let mut ann = server.connect("/board").socket_io().await.unwrap();
    server.of("/board").emit("hello", &());
    ann.expect_named("hello").await;
    busy(&server, &mut ann).await;
    // More than is kept for one socket, were it not for what is out of date.
    for number in 0..100 {
        server.of("/board").emit_latest("cursor", "bob", &number);
    }
    server.of("/board").emit("drawn", &"a line");
    server.of("/board").emit_latest("cursor", "bob", &100);
    let lost = ann.lose();
    sleep(Duration::from_secs(1)).await;
    server.of("/board").emit_latest("cursor", "bob", &101);
    let mut ann = server.connect("/board").socket_io().come_back(&lost).await.unwrap();
    server.of("/board").emit("last", &());
    let read = events(&mut ann).await;
    assert_eq!(read, [event("drawn", "a line"), event("cursor", 100), event("cursor", 101)]);
}
