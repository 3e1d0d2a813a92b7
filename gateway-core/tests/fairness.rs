//! Others beside a client that does not read, and beside one that floods. A clock would measure the machine, so what is
//! counted is work: turns of connections, and events that were handled in them. In a process of its own, as spans are
//! switched on for all of its threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::timeout;
use tracing::{Metadata, Subscriber, span};

thread_local! {
    /// Turns of this thread: a test's runtime is on the thread of the test.
    static TURNS: Cell<usize> = const { Cell::new(0) };
    static FLOODED: Cell<usize> = const { Cell::new(0) };
}

/// Everything that kept others waiting.
fn work() -> usize {
    TURNS.get() + FLOODED.get()
}

#[gateway(namespace = "/hall")]
struct Hall;

#[gateway]
impl Hall {
    #[subscribe]
    fn flood(&self) {
        FLOODED.set(FLOODED.get() + 1);
    }

    #[subscribe]
    fn echo(&self, Data(number): Data<u64>) -> u64 {
        number
    }
}

/// Counts how often a connection had its turn: each enters its span.
struct Turns;

impl Subscriber for Turns {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.name() == "connection"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &span::Id) {
        TURNS.set(TURNS.get() + 1);
    }

    fn exit(&self, _: &span::Id) {}
}

async fn hall() -> TestServer {
    let _ = tracing::subscriber::set_global_default(Turns);
    let limits = Limits::new().outbox_frames(OUTBOX);
    Server::empty().gateway::<Hall>().limits(limits).test().await.unwrap()
}

const READERS: usize = 990;
const SLOW: usize = 10;
const BROADCASTS: usize = 40;
/// The slow ones are full, and closed, when half of the broadcasts are over.
const OUTBOX: usize = 8;
/// More than can be handled meanwhile.
const FLOOD: usize = 100_000;

/// Events that one client has handled before others have their turn, and more.
const TURN: usize = 64;

/// Clients beside the readers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Beside {
    Nobody,
    Slow,
    Flood,
}

/// Work done between the broadcasts and each of their deliveries, the least first.
#[derive(Clone, Default)]
struct Waits {
    begun: Arc<AtomicUsize>,
    missing: Arc<AtomicUsize>,
    complete: Arc<Notify>,
    each: Arc<Mutex<Vec<usize>>>,
}

impl Waits {
    async fn read(self, mut client: TestClient) {
        for number in 0..BROADCASTS {
            assert_eq!(client.expect_named("told").await, json!(number));
            self.each.lock().unwrap().push(work() - self.begun.load(Ordering::Relaxed));
            if self.missing.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.complete.notify_one();
            }
        }
    }

    /// The wait that one in so many is beyond.
    fn beyond(&self, one_in: usize) -> usize {
        let mut each = self.each.lock().unwrap().clone();
        each.sort_unstable();
        each[each.len() - 1 - each.len() / one_in]
    }
}

async fn client(server: &TestServer) -> TestClient {
    server.connect("/hall").await.unwrap()
}

/// Sends to 990 who read, and gives how long they waited.
async fn broadcasts(beside: Beside) -> Waits {
    let server = hall().await;
    let waits = Waits::default();
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(tokio::spawn(waits.clone().read(client(&server).await)));
    }
    let mut others = Vec::new();
    for _ in 0..if beside == Beside::Slow { SLOW } else { 0 } {
        let mut slow = client(&server).await;
        slow.stop_reading();
        others.push(slow);
    }
    if beside == Beside::Flood {
        others.push(flood(&server).await);
    }
    for number in 0..BROADCASTS {
        waits.begun.store(work(), Ordering::Relaxed);
        waits.missing.store(READERS, Ordering::Relaxed);
        server.of("/hall").emit("told", &number);
        timeout(Duration::from_mins(1), waits.complete.notified()).await.expect("all of them hear it");
    }
    for reader in readers {
        reader.await.unwrap();
    }
    let closed = server.count(Counter::SlowDisconnects);
    assert_eq!(closed, if beside == Beside::Slow { SLOW as u64 } else { 0 }, "who is slow is closed, and nobody else");
    waits
}

/// One that has sent thousands of events before the server has its next turn.
async fn flood(server: &TestServer) -> TestClient {
    FLOODED.set(0);
    let mut client = client(server).await;
    for _ in 0..FLOOD {
        send(&mut client, r#"{"event":"flood"}"#);
    }
    client
}

/// Sends and lets nobody else have a turn.
fn send(client: &mut TestClient, text: &str) {
    let _sent = client.send_text(text).now_or_never();
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_reaches_the_others_as_soon_beside_slow_readers_and_a_flood() {
    let alone = broadcasts(Beside::Nobody).await;
    for beside in [Beside::Slow, Beside::Flood] {
        let waits = broadcasts(beside).await;
        let (most, usual) = (waits.beyond(100), alone.beyond(100));
        println!("{beside:?}: p50 {} of {}, p99 {most} of {usual}", waits.beyond(2), alone.beyond(2));
        assert!(most * 5 <= usual * 6, "20 % more than without at most: {most} of {usual}");
    }
    assert!(FLOODED.get() > 0 && FLOODED.get() < FLOOD, "it goes on to the end: {}", FLOODED.get());
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_between_the_events_of_a_flood() {
    let server = hall().await;
    let mut ann = client(&server).await;
    let _flood = flood(&server).await;
    // In a task: what is not in one has its turn among dozens of others only.
    let requests = async move {
        let mut most = 0;
        for number in 0..100 {
            let begun = work();
            send(&mut ann, &format!(r#"{{"event":"echo","data":{number}}}"#));
            assert_eq!(ann.expect_named("echo").await, json!(number));
            most = most.max(work() - begun);
        }
        most
    };
    let most = tokio::spawn(requests).await.unwrap();
    println!("{most} turns and events of others at most until an answer");
    assert!(most <= 2 * TURN, "one client has as much of a turn as it likes: {most}");
    assert!(FLOODED.get() > 0 && FLOODED.get() < FLOOD, "it goes on to the end: {}", FLOODED.get());
}
