//! Exactly one end for every request: random handlers under random schedules.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use gateway_core::Disconnect;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Steps of a handler. Pauses are milliseconds; a handler has 100 of them.
#[derive(Clone, Debug, Deserialize, Serialize)]
enum Program {
    Reply(u64),
    Empty(u64),
    ReplyEvent(u64),
    Fail(u64),
    Panic(u64),
    Unserializable(u64),
    Never,
    Ask(u64),
    Disconnect(u64),
    Stream { pause: u64, items: u8, end: StreamEnd },
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
enum StreamEnd {
    Done,
    Failed,
    Panicked,
    Unserializable,
    Never,
}

/// Steps of a handler that answers by its `Ack`.
#[derive(Clone, Debug, Deserialize, Serialize)]
enum Manual {
    Now,
    Here(u64),
    Elsewhere(u64),
    FailElsewhere(u64),
    UnserializableElsewhere(u64),
    Dropped,
    DroppedElsewhere(u64),
    ThenFail,
    KeptAndFail(u64),
    KeptAndPanic(u64),
    KeptAndNever(u64),
    Never,
}

/// Provided to the gateway; every running handler and every socket holds a copy.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

#[gateway(namespace = "/end")]
struct OneEnd {
    alive: Alive,
}

#[gateway]
impl OneEnd {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        socket.set_state(self.alive.clone());
        Ok(socket.join("everybody").await?)
    }

    #[subscribe]
    async fn serial(&self, socket: Socket, Data(program): Data<Program>) -> Reply {
        run(self.alive.clone(), program, socket).await
    }

    #[subscribe("two", concurrency = 2)]
    async fn two_at_once(&self, socket: Socket, Data(program): Data<Program>) -> Reply {
        run(self.alive.clone(), program, socket).await
    }

    #[subscribe("many", concurrency = 8)]
    async fn many_at_once(&self, socket: Socket, Data(program): Data<Program>) -> Reply {
        run(self.alive.clone(), program, socket).await
    }

    #[subscribe]
    fn at_once(&self, Data(program): Data<Program>) -> Result<Option<u8>, Exception> {
        match program {
            Program::Panic(_) => panic!("on request"),
            Program::Fail(_) => Err(Exception::new("no", "on request")),
            Program::Empty(_) => Ok(None),
            _ => Ok(Some(1)),
        }
    }

    #[subscribe]
    async fn manual(&self, ack: Ack, Data(program): Data<Manual>) -> Result<u8, Exception> {
        let alive = self.alive.clone();
        let no = || Err(Exception::new("no", "on request"));
        match program {
            Manual::Now => ack.send("now"),
            Manual::Here(pause) => {
                sleep(ms(pause)).await;
                ack.send("here");
            }
            Manual::Elsewhere(pause) => later(alive, pause, move || ack.send("elsewhere")),
            Manual::FailElsewhere(pause) => later(alive, pause, move || ack.fail(&Exception::message("elsewhere"))),
            Manual::UnserializableElsewhere(pause) => later(alive, pause, move || ack.send(&unserializable())),
            Manual::Dropped => drop(ack),
            Manual::DroppedElsewhere(pause) => later(alive, pause, move || drop(ack)),
            Manual::ThenFail => {
                ack.send("first");
                return no();
            }
            Manual::KeptAndFail(pause) => {
                later(alive, pause, move || ack.send("too late"));
                return no();
            }
            Manual::KeptAndPanic(pause) => {
                later(alive, pause, move || ack.send("too late"));
                panic!("on request");
            }
            Manual::KeptAndNever(pause) => {
                later(alive, pause, move || ack.send("in time or not"));
                pending::<()>().await;
            }
            Manual::Never => pending::<()>().await,
        }
        Ok(0)
    }
}

fn later(alive: Alive, pause: u64, act: impl FnOnce() + Send + 'static) {
    tokio::spawn(async move {
        sleep(ms(pause)).await;
        act();
        drop(alive);
    });
}

fn unserializable() -> HashMap<Vec<u8>, u8> {
    HashMap::from([(vec![1], 1)])
}

fn ms(pause: u64) -> Duration {
    Duration::from_millis(pause)
}

/// A pause of nothing is no pause: the handler is ready at its first poll.
async fn rest(pause: u64) {
    if pause > 0 {
        sleep(ms(pause)).await;
    }
}

async fn run(alive: Alive, program: Program, socket: Socket) -> Reply {
    let _alive = alive.clone();
    match program {
        Program::Reply(pause) => {
            rest(pause).await;
            Reply::value("done")
        }
        Program::Empty(pause) => {
            rest(pause).await;
            Reply::empty()
        }
        Program::ReplyEvent(pause) => {
            rest(pause).await;
            Reply::event("other", 1)
        }
        Program::Fail(pause) => {
            rest(pause).await;
            Exception::new("no", "on request").into()
        }
        Program::Panic(pause) => {
            rest(pause).await;
            panic!("on request")
        }
        Program::Unserializable(pause) => {
            rest(pause).await;
            Reply::value(&unserializable())
        }
        Program::Never => pending().await,
        Program::Ask(pause) => match socket.emit_with_ack::<Value>("question", &()).timeout(ms(pause)).await {
            Ok(answer) => Reply::value(&answer),
            Err(error) => Exception::message(error.to_string()).into(),
        },
        Program::Disconnect(pause) => {
            rest(pause).await;
            socket.disconnect(Disconnect::default());
            Reply::value("done")
        }
        Program::Stream { pause, items, end } => Reply::stream(items_of(alive, pause, items, end)),
    }
}

fn items_of(alive: Alive, pause: u64, items: u8, end: StreamEnd) -> impl futures_core::Stream<Item = Reply> {
    let steps = (0..items).map(Some).chain([None]);
    stream::iter(steps).filter_map(move |step| {
        let _alive = alive.clone();
        async move {
            let Some(number) = step else {
                return match end {
                    StreamEnd::Done => None,
                    StreamEnd::Failed => Some(Exception::new("mid", "on request").into()),
                    StreamEnd::Panicked => panic!("on request"),
                    StreamEnd::Unserializable => Some(Reply::value(&unserializable())),
                    StreamEnd::Never => pending().await,
                };
            };
            rest(pause).await;
            Some(if number % 2 == 0 { Reply::value(&number) } else { Reply::event("other", number) })
        }
    })
}

/// Steps of client and server, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Request {
        event: &'static str,
        data: Value,
    },
    Event {
        event: &'static str,
        data: Value,
    },
    /// A frame without an event, but with an id.
    Malformed,
    /// Of the request so many before.
    Cancel(u64),
    Answer(u64),
    Wait(u64),
    StopReading,
    ReadOn,
}

#[derive(Clone, Copy, Debug)]
enum Ending {
    /// The connection lives: every request must end.
    Lives,
    ClientCloses,
    ClientVanishes,
    ServerDisconnects,
    ServerStops,
}

fn pause() -> impl Strategy<Value = u64> {
    prop_oneof![3 => Just(0), 4 => 1_u64..60, 1 => 95_u64..105, 1 => 200_u64..300]
}

fn program() -> impl Strategy<Value = Program> {
    let end = prop_oneof![
        Just(StreamEnd::Done),
        Just(StreamEnd::Failed),
        Just(StreamEnd::Panicked),
        Just(StreamEnd::Unserializable),
        Just(StreamEnd::Never)
    ];
    prop_oneof![
        2 => pause().prop_map(Program::Reply),
        1 => pause().prop_map(Program::Empty),
        1 => pause().prop_map(Program::ReplyEvent),
        1 => pause().prop_map(Program::Fail),
        1 => pause().prop_map(Program::Panic),
        1 => pause().prop_map(Program::Unserializable),
        1 => Just(Program::Never),
        1 => pause().prop_map(Program::Ask),
        3 => (pause(), 0_u8..5, end).prop_map(|(pause, items, end)| Program::Stream { pause, items, end }),
    ]
}

fn manual() -> impl Strategy<Value = Manual> {
    prop_oneof![
        Just(Manual::Now),
        pause().prop_map(Manual::Here),
        pause().prop_map(Manual::Elsewhere),
        pause().prop_map(Manual::FailElsewhere),
        pause().prop_map(Manual::UnserializableElsewhere),
        Just(Manual::Dropped),
        pause().prop_map(Manual::DroppedElsewhere),
        Just(Manual::ThenFail),
        pause().prop_map(Manual::KeptAndFail),
        pause().prop_map(Manual::KeptAndPanic),
        pause().prop_map(Manual::KeptAndNever),
        Just(Manual::Never),
    ]
}

fn message() -> impl Strategy<Value = (&'static str, Value)> {
    let events = prop_oneof![3 => Just("serial"), 1 => Just("two"), 1 => Just("many"), 1 => Just("at_once")];
    prop_oneof![
        8 => (events, program()).prop_map(|(event, program)| (event, json!(program))),
        4 => manual().prop_map(|program| ("manual", json!(program))),
        1 => Just(("serial", json!("no program"))),
        1 => Just(("manual", json!("no program"))),
        1 => Just(("nobody", Value::Null)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => message().prop_map(|(event, data)| Step::Request { event, data }),
        2 => message().prop_map(|(event, data)| Step::Event { event, data }),
        1 => Just(Step::Malformed),
        3 => (0_u64..4).prop_map(Step::Cancel),
        2 => (0_u64..4).prop_map(Step::Answer),
        4 => pause().prop_map(Step::Wait),
        1 => Just(Step::StopReading),
        1 => Just(Step::ReadOn),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        4 => Just(Ending::Lives),
        1 => Just(Ending::ClientCloses),
        1 => Just(Ending::ClientVanishes),
        1 => Just(Ending::ServerDisconnects),
        1 => Just(Ending::ServerStops)
    ]
}

/// Ids of frames without an event start here.
const MALFORMED: u64 = 1_000;

/// The client, and the ids of all it asked.
struct Run {
    client: TestClient,
    ids: Vec<u64>,
}

impl Run {
    async fn step(&mut self, step: Step) {
        match step {
            Step::Request { event, data } => {
                let id = self.client.begin(event, data).await;
                self.ids.push(id);
            }
            Step::Event { event, data } => self.client.emit(event, data).await,
            Step::Malformed => {
                let id = MALFORMED + self.ids.len() as u64;
                self.ids.push(id);
                self.client.send_text(&json!({"id": id}).to_string()).await;
            }
            Step::Cancel(before) => {
                let id = self.ids.len().checked_sub(1 + usize::try_from(before).unwrap()).map(|index| self.ids[index]);
                self.client.send_text(&json!({"cancel": id.unwrap_or_default()}).to_string()).await;
            }
            Step::Answer(ask) => self.client.answer(ask, "because").await,
            Step::Wait(pause) => sleep(ms(pause)).await,
            Step::StopReading => self.client.stop_reading(),
            Step::ReadOn => self.client.read_on(),
        }
    }

    /// Lets everything that ends by itself end, then cancels the rest.
    async fn settle(&mut self) {
        self.client.read_on();
        sleep(Duration::from_secs(20)).await;
        for id in &self.ids {
            self.client.send_text(&json!({"cancel": id}).to_string()).await;
        }
        sleep(Duration::from_secs(1)).await;
    }

    /// Everything unread. `next` panics at the end of a connection.
    async fn unread(&mut self) -> Vec<Received> {
        let mut unread = Vec::new();
        self.client.read_on();
        while let Ok(Ok(received)) = AssertUnwindSafe(timeout(ms(1), self.client.next())).catch_unwind().await {
            unread.push(received);
        }
        unread
    }
}

/// Number of ends of each id; fails at a frame that comes after the end.
fn ends(received: &[Received]) -> HashMap<u64, usize> {
    let mut ends = HashMap::new();
    for received in received {
        let (id, is_end) = match received {
            Received::Reply { id, more, .. } => (*id, !more),
            Received::End { id } | Received::Exception { id: Some(id), .. } => (*id, true),
            _ => continue,
        };
        let count: &mut usize = ends.entry(id).or_default();
        assert_eq!(*count, 0, "request {id} had ended, then came {received:?}");
        *count += usize::from(is_end);
    }
    ends
}

async fn check(steps: Vec<Step>, ending: Ending) {
    let alive = Alive::default();
    let limits = Limits::new().queued_events(4).streams(2).handler_timeout(ms(100)).drain_timeout(ms(50));
    let server = Server::empty().gateway::<OneEnd>().provide(alive.clone()).limits(limits).test().await.unwrap();
    let held_by_the_server = Arc::strong_count(&alive.0);
    let handle = server.handle();
    // Kept, so that nothing is forgotten with the namespace.
    let namespace = handle.of("/end").unwrap();
    let mut run = Run { client: server.connect("/end").await.unwrap(), ids: Vec::new() };
    for step in steps {
        run.step(step).await;
    }

    let ids = run.ids.clone();
    let received = match ending {
        Ending::Lives => {
            run.settle().await;
            let received = run.unread().await;
            drop(run);
            received
        }
        Ending::ClientCloses => {
            run.client.read_on();
            run.client.close().await;
            Vec::new()
        }
        Ending::ClientVanishes => {
            drop(run);
            Vec::new()
        }
        Ending::ServerDisconnects => {
            run.client.read_on();
            namespace.to("everybody").disconnect(Disconnect::default());
            run.client.closed().await;
            run.unread().await
        }
        Ending::ServerStops => {
            run.client.read_on();
            handle.shutdown();
            run.client.closed().await;
            run.unread().await
        }
    };

    let ends = ends(&received);
    for id in ids.iter().filter(|_| matches!(ending, Ending::Lives)) {
        assert_eq!(ends.get(id), Some(&1), "request {id}; came: {received:#?}");
    }
    assert!(ends.keys().all(|id| ids.contains(id)), "somebody was answered who had not asked: {received:#?}");

    sleep(Duration::from_secs(1)).await;
    assert_eq!((namespace.count(), namespace.rooms()), (0, Vec::new()));
    assert_eq!(Arc::strong_count(&alive.0), held_by_the_server, "a handler, a stream or a socket leaked");
    assert_eq!(handle.count(Counter::Connections), 1);
    assert_eq!(handle.count(Counter::Disconnections), 1);
    handle.shutdown();
    handle.stopped().await;
}

fn paused() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 192,
        rng_seed: RngSeed::Fixed(0x6761_7465),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_request_ends_exactly_once(steps in prop::collection::vec(step(), 1..24), ending in ending()) {
        paused().block_on(check(steps, ending));
    }

    #[test]
    fn a_flood_of_requests_ends_one_by_one(messages in prop::collection::vec(message(), 24..64)) {
        let steps = messages.into_iter().map(|(event, data)| Step::Request { event, data }).collect();
        paused().block_on(check(steps, Ending::Lives));
    }

    #[test]
    fn a_handler_that_disconnects_its_client_answers_at_most_once(
        before in prop::collection::vec(step(), 0..8),
        pause in pause(),
        after in prop::collection::vec(step(), 0..8),
    ) {
        let disconnect = Step::Request { event: "serial", data: json!(Program::Disconnect(pause)) };
        let steps = before.into_iter().chain([disconnect]).chain(after).collect();
        paused().block_on(check(steps, Ending::ClientVanishes));
    }
}

/// A stream whose destructor panics once it is dropped before its end.
struct PanicsWhenDropped(bool);

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        assert!(self.0, "on request");
    }
}

#[gateway(namespace = "/bomb")]
struct Bomb;

#[gateway]
impl Bomb {
    #[subscribe]
    fn stream(&self) -> Reply {
        let bomb = PanicsWhenDropped(false);
        Reply::stream(stream::pending::<u8>().map(move |item| {
            let _ = &bomb;
            item
        }))
    }

    #[subscribe]
    async fn handler(&self) {
        let _bomb = PanicsWhenDropped(false);
        pending::<()>().await;
    }

    #[subscribe]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }
}

#[tokio::test(start_paused = true)]
async fn a_destructor_that_panics_ends_one_request_and_not_the_connection() {
    let server = Server::empty().gateway::<Bomb>().test().await.unwrap();
    let mut client = server.connect("/bomb").await.unwrap();
    for event in ["handler", "stream"] {
        let id = client.begin(event, ()).await;
        client.send_text(&json!({"cancel": id}).to_string()).await;
        let Received::Exception { id: Some(ended), failure } = client.next().await else { panic!("no exception") };
        assert_eq!((ended, failure.code()), (id, Some("cancelled")));
    }
    assert_eq!(client.emit_with_ack::<u8>("echo", 1).await.unwrap(), 1);
    client.begin("stream", ()).await;
    client.expect_nothing().await;
    drop(client);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.of("/bomb").count(), 0);
    assert_eq!(server.count(Counter::Disconnections), 1);
}
