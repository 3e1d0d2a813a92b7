//! Interceptors: around a handler, before it and after.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::extract::Extension;
use gateway_core::prelude::*;
use gateway_core::testing::TestClient;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// Events that interceptors have seen.
#[derive(Clone, Default)]
struct Logbook(Arc<Mutex<Vec<String>>>);

impl Logbook {
    fn note(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Notes when a handler begins and how it ends.
struct Logging(&'static str, Logbook);

impl Interceptor for Logging {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let Self(name, book) = self;
        let data = context.data().map_or("", |data| data.get()).to_owned();
        book.note(format!("{name}: {}::{} begins with {data}", context.gateway(), context.method()));
        let begin = Instant::now();
        let reply = next.run().await;
        let how = match reply.exception() {
            Some(exception) => format!("fails: {exception}"),
            None => format!("answers {:?}", reply.read::<Value>().map(Result::unwrap)),
        };
        book.note(format!("{name}: {} {how} after {:?}", context.event(), begin.elapsed()));
        reply
    }
}

#[derive(Injectable)]
struct OfGateway {
    book: Logbook,
}

impl Interceptor for OfGateway {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        Logging("gateway", self.book.clone()).intercept(context, next).await
    }
}

/// Puts every value into an object, with the name of its event.
#[derive(Default)]
struct Wrapped;

impl Interceptor for Wrapped {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let pattern = context.event().to_owned();
        next.run().await.map_value(move |value: Value| json!({"v": value, "pattern": pattern}))
    }
}

/// A handler reads what an interceptor found out.
#[derive(Clone, Debug)]
struct Locale(String);

#[derive(Default)]
struct Locales;

impl Interceptor for Locales {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let header = context.handshake().header("accept-language").unwrap_or("en").to_owned();
        context.extensions().insert(Locale(header));
        next.run().await
    }
}

/// Answers by itself what it has answered before.
#[derive(Default)]
struct Cache(Mutex<Option<Value>>);

impl Interceptor for Cache {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        let known = self.0.lock().unwrap().clone();
        if let Some(value) = known {
            return Reply::value(&value);
        }
        let reply = next.run().await;
        *self.0.lock().unwrap() = reply.read().map(Result::unwrap);
        reply
    }
}

/// Lets nothing through on Sundays.
struct Closed(bool);

impl Interceptor for Closed {
    async fn intercept(&self, _: &Context<'_>, next: Next<'_>) -> Reply {
        if self.0 {
            return Exception::new("closed", "come back on Monday").into();
        }
        next.run().await
    }
}

#[gateway(namespace = "/sums")]
#[intercept(OfGateway)]
struct Sums {
    book: Logbook,
}

#[gateway]
impl Sums {
    #[subscribe]
    fn add(&self, Data((one, other)): Data<(u8, u8)>) -> u8 {
        one + other
    }

    #[subscribe]
    async fn slow(&self) -> Result<u8, Exception> {
        sleep(Duration::from_millis(20)).await;
        Err(Exception::new("tired", "not today"))
    }

    #[subscribe]
    #[intercept(Wrapped)]
    fn wrapped(&self, Data(value): Data<Value>) -> Value {
        value
    }

    #[subscribe]
    #[intercept(Wrapped)]
    fn count(&self) -> impl Stream<Item = u8> {
        stream::iter(0..3)
    }

    #[subscribe]
    #[intercept(Wrapped)]
    fn elsewhere(&self) -> Reply {
        Reply::event("other", 7)
    }

    #[subscribe]
    #[intercept(Locales)]
    fn locale(&self, Extension(Locale(locale)): Extension<Locale>) -> String {
        locale
    }

    #[subscribe]
    #[intercept(Cache::default())]
    fn once(&self, Data(value): Data<Value>) -> Value {
        self.book.note("the handler runs");
        value
    }

    #[subscribe]
    #[intercept(Closed(true), Wrapped)]
    fn never(&self) -> u8 {
        unreachable!("nobody gets here")
    }

    #[subscribe]
    #[intercept(Closed(false))]
    fn later(&self, ack: Ack, Data(value): Data<u8>) {
        tokio::spawn(async move {
            sleep(Duration::from_millis(5)).await;
            ack.send(&value);
        });
    }
}

async fn connect(book: &Logbook) -> (gateway_core::testing::TestServer, TestClient) {
    let server = Server::empty().gateway::<Sums>().provide(book.clone());
    let server = server.intercept(Logging("server", book.clone())).test().await.unwrap();
    let client = server.connect("/sums").header("accept-language", "de").await.unwrap();
    (server, client)
}

#[tokio::test(start_paused = true)]
async fn the_outermost_begins_first_and_ends_last() {
    let book = Logbook::default();
    let (_server, mut client) = connect(&book).await;
    assert_eq!(client.emit_with_ack::<u8>("add", (1, 2)).await.unwrap(), 3);
    let expected = [
        "server: Sums::add begins with [1,2]",
        "gateway: Sums::add begins with [1,2]",
        "gateway: add answers Some(Number(3)) after 0ns",
        "server: add answers Some(Number(3)) after 0ns",
    ];
    assert_eq!(book.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_outcome_too() {
    let book = Logbook::default();
    let (_server, mut client) = connect(&book).await;
    assert_eq!(client.emit_with_ack::<u8>("slow", ()).await.unwrap_err().code(), Some("tired"));
    assert_eq!(
        book.take()[2..],
        ["gateway: slow fails: not today (tired) after 20ms", "server: slow fails: not today (tired) after 20ms"]
    );
    // So is what could not be read.
    assert_eq!(client.emit_with_ack::<u8>("add", "one").await.unwrap_err().code(), Some("unreadable"));
    assert!(book.take()[2].starts_with("gateway: add fails: the data cannot be read"), "{:?}", book.take());
}

#[tokio::test(start_paused = true)]
async fn the_value_may_be_replaced_and_so_may_every_item_of_a_stream() {
    let (server, mut client) = connect(&Logbook::default()).await;
    let wrapped = json!({"v": {"a": 1}, "pattern": "wrapped"});
    assert_eq!(client.emit_with_ack::<Value>("wrapped", json!({"a": 1})).await.unwrap(), wrapped);
    let items: Vec<Value> = client.stream("count", ()).await.collect().await.unwrap();
    assert_eq!(items[2], json!({"v": 2, "pattern": "count"}));
    assert_eq!(items.len(), 3);
    client.emit("elsewhere", ()).await;
    assert_eq!(client.expect_named("other").await, json!({"v": 7, "pattern": "elsewhere"}));
    let mut client = server.connect("/sums").socket_io().await.unwrap();
    assert_eq!(client.emit_with_ack::<Value>("wrapped", json!({"a": 1})).await.unwrap(), wrapped);
}

#[tokio::test(start_paused = true)]
async fn what_an_interceptor_finds_out_the_handler_reads() {
    let (server, mut client) = connect(&Logbook::default()).await;
    assert_eq!(client.emit_with_ack::<String>("locale", ()).await.unwrap(), "de");
    let mut client = server.connect("/sums").await.unwrap();
    assert_eq!(client.emit_with_ack::<String>("locale", ()).await.unwrap(), "en");
}

#[tokio::test(start_paused = true)]
async fn the_handler_need_not_run() {
    let book = Logbook::default();
    let (_server, mut client) = connect(&book).await;
    for _ in 0..3 {
        assert_eq!(client.emit_with_ack::<u8>("once", 5).await.unwrap(), 5);
    }
    assert_eq!(book.take().iter().filter(|line| *line == "the handler runs").count(), 1);
    let failure = client.emit_with_ack::<u8>("never", ()).await.unwrap_err();
    assert_eq!((failure.code(), failure.message()), (Some("closed"), "come back on Monday"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_answers_by_hand_still_does() {
    let (server, mut client) = connect(&Logbook::default()).await;
    assert_eq!(client.emit_with_ack::<u8>("later", 3).await.unwrap(), 3);
    assert_eq!(client.emit_with_ack::<u8>("later", "no number").await.unwrap_err().code(), Some("unreadable"));
    let mut client = server.connect("/sums").socket_io().await.unwrap();
    assert_eq!(client.emit_with_ack::<u8>("later", 3).await.unwrap(), 3);
}

/// Fails in the ways an interceptor can.
#[derive(Default)]
struct Unwell;

impl Interceptor for Unwell {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        match context.data().map_or("", |data| data.get()) {
            "\"panic\"" => panic!("on request"),
            "\"wait\"" => std::future::pending().await,
            "\"after\"" => {
                next.run().await;
                panic!("on request")
            }
            "\"forget\"" => {
                drop(next);
                Reply::empty()
            }
            _ => next.run().await,
        }
    }
}

#[gateway(namespace = "/unwell")]
struct Frail;

#[gateway]
impl Frail {
    #[subscribe]
    #[intercept(Unwell)]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }

    #[subscribe]
    #[intercept(Unwell)]
    fn keep(&self, ack: Ack) {
        ack.send("kept");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_fails_is_a_handler_that_fails() {
    let server = Server::empty().gateway::<Frail>().test().await.unwrap();
    for mut client in [server.connect("/unwell").await.unwrap(), server.connect("/unwell").socket_io().await.unwrap()] {
        for (how, code) in [("panic", "internal"), ("after", "internal"), ("wait", "timeout")] {
            assert_eq!(client.emit_with_ack::<Value>("echo", how).await.unwrap_err().code(), Some(code), "{how}");
        }
        assert_eq!(client.emit_with_ack::<Value>("echo", "forget").await.unwrap(), Value::Null);
        assert_eq!(client.emit_with_ack::<u8>("echo", 1).await.unwrap(), 1);
        // What was answered by hand is answered; what comes later finds nobody who waits.
        assert_eq!(client.emit_with_ack::<String>("keep", "after").await.unwrap(), "kept");
        client.expect_nothing().await;
    }
}

#[gateway(namespace = "/missing")]
#[intercept(Lingers)]
struct Missing;

#[gateway]
impl Missing {
    #[subscribe]
    fn ask(&self, _: Extension<Locale>) {}
}

#[tokio::test(start_paused = true)]
async fn a_value_that_nobody_gave_is_missed() {
    let server = Server::empty().gateway::<Missing>().test().await.unwrap();
    let mut client = server.connect("/missing").await.unwrap();
    let failure = client.emit_with_ack::<()>("ask", ()).await.unwrap_err();
    assert_eq!((failure.code(), failure.payload()["id"].is_string()), (Some("internal"), true));
}

/// Events of one socket stay in their order, whatever waits around them.
#[derive(Default)]
struct Lingers;

impl Interceptor for Lingers {
    async fn intercept(&self, context: &Context<'_>, next: Next<'_>) -> Reply {
        let pause: u64 = context.args().read(0).unwrap_or_default();
        sleep(Duration::from_millis(pause)).await;
        let reply = next.run().await;
        sleep(Duration::from_millis(pause)).await;
        reply
    }
}

#[gateway(namespace = "/order")]
#[intercept(Lingers)]
struct Ordered {
    book: Logbook,
}

#[gateway]
impl Ordered {
    #[subscribe]
    fn one(&self, Data(number): Data<u64>) {
        self.book.note(number.to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_sockets_events_stays() {
    let book = Logbook::default();
    let server = Server::empty().gateway::<Ordered>().provide(book.clone()).test().await.unwrap();
    let mut client = server.connect("/order").await.unwrap();
    for pause in [30, 0, 20, 10] {
        client.emit("one", pause).await;
    }
    client.emit_with_ack::<()>("one", 0).await.unwrap();
    assert_eq!(book.take(), ["30", "0", "20", "10", "0"]);
}
