//! Bounds of one socket on one handler: events that wait, their rate, their time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use gateway_core::IntoReply;
use gateway_core::extract::EventName;
use gateway_core::limits::Limits;
use gateway_core::manual::{Declared, EventOverflow, Fields, Gateway, HandlerFuture, Handlers, Subscription};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{advance, sleep};

#[gateway(namespace = "/board")]
struct Board {
    gate: Arc<Semaphore>,
}

#[gateway]
impl Board {
    async fn pass(&self) {
        self.gate.acquire().await.unwrap().forget();
    }

    /// Of what waits, the newest is told that it cannot.
    #[subscribe("draw", concurrency = 2, queue = 1)]
    async fn draw(&self, Data(stroke): Data<u32>) -> u32 {
        self.pass().await;
        stroke
    }

    /// Only the latest place of the pointer is of interest.
    #[subscribe("pointer", queue = 1, overflow = "drop_oldest")]
    async fn pointer(&self, Data(place): Data<u32>) -> Reply {
        self.pass().await;
        Reply::event("pointed", place)
    }

    /// A request that comes while it works is not waited for.
    #[subscribe("render", queue = 0, overflow = "drop_newest")]
    async fn render(&self, Data(scene): Data<u32>) -> Reply {
        self.pass().await;
        Reply::event("rendered", scene)
    }

    #[subscribe("chat", rate = "3/s")]
    fn chat(&self, Data(text): Data<u32>) -> u32 {
        text
    }

    #[subscribe("ping", "pong", rate = "1/10s", overflow = "drop_newest")]
    fn ping(&self, EventName(event): EventName) -> Reply {
        Reply::event("heard", event)
    }

    #[subscribe("quick", timeout = "250ms")]
    async fn quick(&self, Data(pause): Data<u64>) -> u64 {
        sleep(Duration::from_millis(pause)).await;
        pause
    }

    #[subscribe("patient", timeout = "2m")]
    async fn patient(&self, Data(pause): Data<u64>) -> u64 {
        sleep(Duration::from_millis(pause)).await;
        pause
    }

    #[subscribe("ask", timeout = "1s")]
    async fn ask(&self, socket: Socket) -> Result<Value, Exception> {
        let answer = socket.emit_with_ack("question", "why?").timeout(Duration::from_secs(5)).await?;
        sleep(Duration::from_millis(400)).await;
        Ok(answer)
    }
}

struct World {
    server: TestServer,
    client: TestClient,
    gate: Arc<Semaphore>,
}

async fn world() -> World {
    let gate = Arc::new(Semaphore::new(0));
    let server = Server::empty().gateway::<Board>().provide(Arc::clone(&gate)).test().await.unwrap();
    let client = server.connect("/board").await.unwrap();
    World { server, client, gate }
}

impl World {
    fn counted(&self) -> [u64; 3] {
        [Counter::Overloads, Counter::RateLimited, Counter::DroppedEvents].map(|counter| self.server.count(counter))
    }
}

fn failure(received: Received) -> (Option<u64>, String, String) {
    let Received::Exception { id, failure } = received else { panic!("no failure: {received:?}") };
    (id, failure.code().unwrap_or_default().to_owned(), failure.message().to_owned())
}

fn event(name: &str, data: impl Into<Value>) -> Received {
    Received::Event { event: name.to_owned(), data: data.into() }
}

#[tokio::test(start_paused = true)]
async fn a_queue_bounds_what_waits_for_one_handler() {
    let mut world = world().await;
    for stroke in 1..=4 {
        world.client.begin("draw", stroke).await;
    }
    let refused = (Some(4), "overloaded".into(), "too many `draw` events wait for their turn".into());
    assert_eq!(failure(world.client.next().await), refused);
    // Nothing else is held up by it.
    assert_eq!(world.client.emit_with_ack::<u32>("chat", 7).await.unwrap(), 7);
    world.gate.add_permits(3);
    let mut answered = Vec::new();
    for _ in 0..3 {
        let Received::Reply { id, .. } = world.client.next().await else { panic!("no reply") };
        answered.push(id);
    }
    answered.sort_unstable();
    assert_eq!(answered, [1, 2, 3]);
    assert_eq!(world.counted(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn the_oldest_that_waits_gives_way_to_the_latest() {
    let mut world = world().await;
    for place in 1..=5 {
        world.client.emit("pointer", place).await;
    }
    world.gate.add_permits(2);
    assert_eq!([world.client.next().await, world.client.next().await], [event("pointed", 1), event("pointed", 5)]);
    world.client.expect_nothing().await;
    assert_eq!(world.counted(), [0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_gives_way_is_answered() {
    let mut world = world().await;
    let ids = [
        world.client.begin("pointer", 1).await,
        world.client.begin("pointer", 2).await,
        world.client.begin("pointer", 3).await,
    ];
    let (id, code, _) = failure(world.client.next().await);
    assert_eq!((id, &*code), (Some(ids[1]), "overloaded"));
    world.gate.add_permits(2);
    for expected in [ids[0], ids[2]] {
        assert!(matches!(world.client.next().await, Received::Reply { id, .. } if id == expected));
    }
    assert_eq!(world.counted(), [1, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_an_event_runs_at_once_or_not_at_all() {
    let mut world = world().await;
    for scene in 1..=3 {
        world.client.emit("render", scene).await;
    }
    let (id, code, _) = {
        let asked = world.client.begin("render", 4).await;
        let (id, code, message) = failure(world.client.next().await);
        assert_eq!(id, Some(asked));
        (id, code, message)
    };
    assert_eq!((id.is_some(), &*code), (true, "overloaded"));
    world.gate.add_permits(1);
    assert_eq!(world.client.next().await, event("rendered", 1));
    world.gate.add_permits(1);
    world.client.emit("render", 5).await;
    assert_eq!(world.client.next().await, event("rendered", 5));
    assert_eq!(world.counted(), [1, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_says_when_to_come_back() {
    let mut world = world().await;
    for text in 1..=3 {
        assert_eq!(world.client.emit_with_ack::<u32>("chat", text).await.unwrap(), text);
    }
    let refused = world.client.emit_with_ack::<u32>("chat", 4).await.unwrap_err();
    let expected = json!({
        "status": "error",
        "message": "at most 3 in 1s for `chat` events",
        "code": "rate_limited",
        "details": {"retry_after_ms": 334},
        "cause": {"pattern": "chat"},
    });
    assert_eq!(*refused.payload(), expected);
    advance(Duration::from_millis(334)).await;
    assert_eq!(world.client.emit_with_ack::<u32>("chat", 5).await.unwrap(), 5);
    // One that asks for no answer is told too.
    world.client.emit("chat", 6).await;
    assert_eq!(world.client.expect_exception().await.code(), Some("rate_limited"));
    // Another socket has a bucket of its own.
    let mut bob = world.server.connect("/board").await.unwrap();
    assert_eq!(bob.emit_with_ack::<u32>("chat", 7).await.unwrap(), 7);
    assert_eq!(world.counted(), [0, 2, 0]);
}

#[tokio::test(start_paused = true)]
async fn events_beyond_a_rate_may_be_dropped_and_the_names_of_a_handler_share_it() {
    let mut world = world().await;
    world.client.emit("ping", ()).await;
    assert_eq!(world.client.next().await, event("heard", "ping"));
    world.client.emit("pong", ()).await;
    world.client.expect_nothing().await;
    let refused = world.client.emit_with_ack::<Value>("pong", ()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Some("rate_limited"), "at most 1 in 10s for `pong` events"));
    advance(Duration::from_secs(10)).await;
    world.client.emit("pong", ()).await;
    assert_eq!(world.client.next().await, event("heard", "pong"));
    assert_eq!(world.counted(), [0, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn acks_of_socket_io_are_called_whatever_the_policy() {
    let world = world().await;
    let mut client = world.server.connect("/board").socket_io().await.unwrap();
    for place in 1..=3 {
        client.send_text(&format!("42/board,{place}[\"pointer\",{place}]")).await;
    }
    assert_eq!(failure(client.next().await).0, Some(2));
    world.gate.add_permits(2);
    assert!(matches!(client.next().await, Received::Event { event, .. } if event == "pointed"));
    for _ in 0..3 {
        client.emit_with_ack::<u32>("chat", 1).await.unwrap();
    }
    assert_eq!(client.emit_with_ack::<u32>("chat", 1).await.unwrap_err().code(), Some("rate_limited"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_has_the_time_that_its_attribute_gives_it() {
    let mut world = world().await;
    assert_eq!(world.client.emit_with_ack::<u64>("quick", 249).await.unwrap(), 249);
    assert_eq!(world.client.emit_with_ack::<u64>("quick", 251).await.unwrap_err().code(), Some("timeout"));
    // Longer than the limit for all others.
    assert_eq!(world.client.emit_with_ack::<u64>("patient", 59_000).await.unwrap(), 59_000);
    assert_eq!(world.server.count(Counter::Timeouts), 1);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_the_client_is_not_the_handlers_time() {
    let mut world = world().await;
    world.client.begin("ask", ()).await;
    let (ask, _) = world.client.expect_question("question").await;
    sleep(Duration::from_millis(3500)).await;
    world.client.answer(ask, "because").await;
    assert!(matches!(world.client.next().await, Received::Reply { data, .. } if data == "because"));
}

/// A table that no macro has seen.
struct ByHand;

impl Gateway for ByHand {
    const NAMESPACE: &'static str = "/by-hand";
    const DECLARED: Declared = Declared::new("ByHand", "by_hand.rs", 1);

    fn construct(_: &mut Fields<'_>) -> Option<Self> {
        Some(Self)
    }
}

fn by_hand(handlers: &mut Handlers<ByHand>) {
    let answer = |_: &Arc<ByHand>, _: &Context<'_>| HandlerFuture::ready(1.into_reply());
    let subscription = |event, line| Subscription::new(event, event, "by_hand.rs", line);
    handlers.subscribe(subscription("lonely", 2).overflow(EventOverflow::Refuse), answer);
    handlers.subscribe(
        subscription("oldest", 3).rate(1, Duration::from_secs(1)).overflow(EventOverflow::DropOldest),
        answer,
    );
    handlers.subscribe(subscription("never", 4).rate(0, Duration::from_secs(1)).timeout(Duration::ZERO), answer);
}

#[tokio::test]
async fn policies_that_contradict_themselves_or_the_limits_stop_the_start() {
    let limits = Limits::new().queued_events(0);
    let gate = Arc::new(Semaphore::new(0));
    let server = Server::empty().gateway::<Board>().gateway_with::<ByHand>(by_hand).provide(gate).limits(limits);
    let report = server.check().unwrap_err().to_string();
    for line in [
        "6 problems",
        "`Board::draw` for `draw`: a queue of 1 is never full, as a socket's own holds 0 events",
        "help: raise `queued_events` in the limits, or make the queue smaller",
        "`Board::pointer` for `pointer`: a queue of 1 is never full",
        "`ByHand::lonely` for `lonely`: `overflow` has nothing to say\n    at by_hand.rs:2",
        "`ByHand::oldest` for `oldest`: there is no oldest event to drop where none may wait",
        "`ByHand::never` for `never`: no handler ends in no time",
        "`ByHand::never` for `never`: at this rate no event ever arrives",
    ] {
        assert!(report.contains(line), "{line} is not in\n{report}");
    }
}
