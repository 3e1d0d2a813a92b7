//! A client that reads slowly: what waits for it, what is dropped, when it is closed. Others notice nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use gateway_core::{CloseCode, Disconnect, SendError};
use tokio::time::sleep;

use crate::counts;

/// Frames that fit between the server and a client in memory that does not read.
const IN_FLIGHT: u64 = 16;

#[gateway(namespace = "/out")]
struct Out;

#[gateway]
impl Out {
    /// Events that come before it ends are handled together.
    #[on_connect]
    async fn joined(&self) {
        sleep(Duration::from_millis(1)).await;
    }

    #[subscribe]
    fn echo(&self, Data(number): Data<u64>) -> u64 {
        number
    }

    /// Answers in ten seconds, beside others.
    #[subscribe(concurrency = 64)]
    async fn later(&self, Data(number): Data<u64>) -> u64 {
        sleep(Duration::from_secs(10)).await;
        number
    }

    /// An answer of so many bytes.
    #[subscribe]
    fn large(&self, Data(bytes): Data<usize>) -> String {
        "x".repeat(bytes)
    }

    /// Ten items of so many bytes.
    #[subscribe]
    fn items(&self, Data(bytes): Data<usize>) -> impl Stream<Item = String> {
        stream::iter((0..10).map(move |_| "x".repeat(bytes)))
    }
}

async fn server(overflow: Overflow) -> TestServer {
    server_with(Limits::new().outbox_frames(4).overflow(overflow)).await
}

async fn server_with(limits: Limits) -> TestServer {
    Server::empty().gateway::<Out>().limits(limits).test().await.unwrap()
}

/// One that has stopped reading, and one that reads.
async fn slow_and_fast(server: &TestServer) -> (TestClient, TestClient) {
    let mut slow = server.connect("/out").await.unwrap();
    slow.stop_reading();
    (slow, server.connect("/out").await.unwrap())
}

/// Sends `count` events to everybody, each after the one before has left; how many were queued in all.
async fn tell(server: &TestServer, count: u64) -> usize {
    let mut queued = 0;
    for number in 0..count {
        queued += server.of("/out").emit("tick", &number).queued;
        sleep(Duration::from_millis(1)).await;
    }
    queued
}

async fn expect_ticks(client: &mut TestClient, expected: impl IntoIterator<Item = u64>) {
    for number in expected {
        assert_eq!(client.expect_named("tick").await, number);
    }
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_closed_and_the_others_miss_nothing() {
    let server = server(Overflow::Close).await;
    let (mut slow, mut fast) = slow_and_fast(&server).await;
    let taken = IN_FLIGHT + 4;
    assert_eq!(tell(&server, 30).await as u64, 30 + taken);
    expect_ticks(&mut fast, 0..30).await;
    slow.read_on();
    assert_eq!(slow.closed().await, Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")));
    assert_eq!([Counter::SlowDisconnects, Counter::DroppedFrames].map(|counter| server.count(counter)), [1, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_newest_is_dropped_where_what_waits_is_worth_more() {
    let server = server(Overflow::DropNewest).await;
    let (mut slow, mut fast) = slow_and_fast(&server).await;
    let taken = IN_FLIGHT + 4;
    assert_eq!(tell(&server, 30).await as u64, 30 + taken);
    expect_ticks(&mut fast, 0..30).await;
    slow.read_on();
    expect_ticks(&mut slow, 0..taken).await;
    assert_eq!(server.count(Counter::DroppedFrames), 30 - taken);
    tell(&server, 1).await;
    expect_ticks(&mut slow, [0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_dropped_where_the_latest_is_worth_more() {
    let server = server(Overflow::DropOldest).await;
    let (mut slow, mut fast) = slow_and_fast(&server).await;
    assert_eq!(tell(&server, 30).await, 60);
    expect_ticks(&mut fast, 0..30).await;
    slow.read_on();
    expect_ticks(&mut slow, (0..IN_FLIGHT).chain(26..30)).await;
    assert_eq!(server.count(Counter::DroppedFrames), 30 - IN_FLIGHT - 4);
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_push_events_out_and_are_never_dropped() {
    let server = server(Overflow::DropOldest).await;
    let mut slow = server.connect("/out").await.unwrap();
    for number in 1..=4 {
        slow.begin("later", number).await;
    }
    sleep(Duration::from_millis(1)).await;
    slow.stop_reading();
    tell(&server, 30).await;
    sleep(Duration::from_secs(10)).await;
    tell(&server, 10).await;
    slow.read_on();
    let mut answered = Vec::new();
    while answered.len() < 4 {
        if let Received::Reply { id, .. } = slow.next().await {
            answered.push(id);
        }
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3, 4]);
    slow.expect_nothing().await;
}

/// Reading stops before they are too much; what answers late all the same is bounded as a burst is.
#[tokio::test(start_paused = true)]
async fn a_client_whose_answer_finds_no_room_is_closed_whatever_the_policy() {
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        let limits = Limits::new().outbox_frames(4).burst_bytes(1000).overflow(overflow);
        let server = server_with(limits).await;
        let mut slow = server.connect("/out").await.unwrap();
        for number in 0..IN_FLIGHT + 20 {
            slow.begin("later", number).await;
        }
        sleep(Duration::from_millis(1)).await;
        slow.stop_reading();
        sleep(Duration::from_secs(11)).await;
        slow.read_on();
        assert_eq!(slow.closed().await, Some(Disconnect::new(CloseCode::TOO_SLOW, "too slow")), "{overflow:?}");
        assert_eq!(server.count(Counter::SlowDisconnects), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_its_answers_is_read_no_more_and_misses_none() {
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        let server = server(overflow).await;
        let mut slow = server.connect("/out").await.unwrap();
        slow.stop_reading();
        for number in 1..=100 {
            slow.begin("echo", number).await;
            sleep(Duration::from_millis(1)).await;
        }
        assert!(server.count(Counter::Events) < IN_FLIGHT + 6, "most are not read yet");
        slow.read_on();
        for id in 1..=100 {
            assert_eq!(slow.next().await, Received::Reply { id, event: "echo".into(), data: id.into(), more: false });
        }
        slow.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_outbox_is_bounded_in_bytes_too() {
    let server = server_with(Limits::new().outbox_bytes(1000).overflow(Overflow::DropNewest)).await;
    let mut slow = server.connect("/out").await.unwrap();
    slow.stop_reading();
    // One more than leaves, so that it is known that no more does.
    tell(&server, IN_FLIGHT + 1).await;
    let everybody = server.of("/out").all();
    let sent: Vec<usize> = (0..4).map(|_| everybody.emit("tick", &"x".repeat(290)).queued).collect();
    assert_eq!(sent, [1, 1, 1, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_volatile_event_reaches_only_those_for_whom_nothing_waits() {
    let server = server(Overflow::Close).await;
    let (mut slow, mut fast) = slow_and_fast(&server).await;
    tell(&server, IN_FLIGHT).await;
    let everybody = server.of("/out").all();
    assert_eq!(counts(everybody.clone().volatile().emit("tick", &100)), (2, 0));
    sleep(Duration::from_millis(1)).await;
    assert_eq!(counts(everybody.clone().volatile().emit("tick", &101)), (1, 1));
    let slow_socket =
        everybody.sockets().into_iter().find(|socket| socket.volatile().emit("tick", &102).is_err()).unwrap();
    assert_eq!(slow_socket.volatile().emit("tick", &103), Err(SendError::Full));
    slow.read_on();
    expect_ticks(&mut slow, (0..IN_FLIGHT).chain([100])).await;
    assert!(fast.expect_named("tick").await.is_u64());
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn code_that_sends_learns_what_became_of_it() {
    let server = server(Overflow::DropNewest).await;
    let mut client = server.connect("/out").await.unwrap();
    client.stop_reading();
    let socket = server.of("/out").sockets().remove(0);
    let unserializable = HashMap::from([(vec![1], 1)]);
    assert_eq!(socket.emit("tick", &unserializable), Err(SendError::Unserializable));
    assert_eq!(counts(server.of("/out").emit("tick", &unserializable)), (0, 1));
    tell(&server, IN_FLIGHT + 1).await;
    let outcomes: Vec<_> = (0..4).map(|number| socket.emit("tick", &number)).collect();
    assert_eq!(outcomes, [Ok(()), Ok(()), Ok(()), Err(SendError::Full)]);
    assert_eq!(counts(server.of("/out").emit("tick", &1)), (0, 1));
    socket.disconnect(Disconnect::default());
    assert_eq!(socket.emit("tick", &1), Err(SendError::Closed));
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_a_slow_reader() {
    let server = server(Overflow::Close).await;
    let mut slow = server.connect("/out").await.unwrap();
    slow.stop_reading();
    for _ in 0..4 {
        slow.begin("items", 10).await;
    }
    sleep(Duration::from_secs(20)).await;
    slow.read_on();
    let mut ended = 0;
    let mut items = 0;
    while ended < 4 {
        match slow.next().await {
            Received::Reply { more: true, .. } => items += 1,
            Received::End { .. } => ended += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(items, 40);
}

#[tokio::test(start_paused = true)]
async fn large_items_of_two_streams_do_not_cut_off_a_client_that_reads() {
    let server = server_with(Limits::new().outbox_bytes(100_000)).await;
    let mut client = server.connect("/out").await.unwrap();
    client.begin("items", 60_000).await;
    client.begin("items", 60_000).await;
    for _ in 0..22 {
        client.next().await;
    }
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn large_items_of_a_stream_do_not_cut_off_a_slow_reader() {
    let server = server_with(Limits::new().outbox_bytes(100_000)).await;
    let mut slow = server.connect("/out").await.unwrap();
    slow.stop_reading();
    slow.begin("items", 60_000).await;
    slow.begin("items", 60_000).await;
    sleep(Duration::from_secs(20)).await;
    slow.read_on();
    for _ in 0..22 {
        slow.next().await;
    }
}

#[tokio::test(start_paused = true)]
async fn large_answers_to_requests_sent_together_do_not_cut_off_a_client_that_reads() {
    let server = server_with(Limits::new().outbox_bytes(100_000)).await;
    let mut client = server.connect("/out").without_waiting().unwrap();
    for _ in 0..10 {
        client.begin("large", 60_000).await;
    }
    client.admitted().await.unwrap();
    for _ in 0..10 {
        client.next().await;
    }
    client.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn many_small_answers_to_requests_sent_together_do_not_cut_off_a_client_that_reads() {
    let server = server(Overflow::Close).await;
    let mut client = server.connect("/out").without_waiting().unwrap();
    for number in 1..=50 {
        client.begin("echo", number).await;
    }
    client.admitted().await.unwrap();
    for id in 1..=50 {
        assert_eq!(client.next().await, Received::Reply { id, event: "echo".into(), data: id.into(), more: false });
    }
}
