//! Replies from a handler's values: on plain WebSocket as JSON and as MessagePack, and on Socket.IO; with an answer
//! asked for and without. Failures, with and without the switch of NestJS.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "handlers of every signature, which do nothing"
)]

use std::borrow::Cow;

use futures_core::Stream;
use futures_util::stream;
use gateway_core::extract::Args;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde::Serialize;
use serde_json::{Value, json};

#[derive(Serialize)]
struct Point {
    x: u8,
}

#[derive(Debug, thiserror::Error, Exception)]
enum Failure {
    #[error("you are muted")]
    #[exception(code = "muted")]
    Muted,
    #[error("no disk")]
    #[exception(code = "store", hide)]
    Store,
}

#[gateway(namespace = "/replies")]
struct Replies;

#[gateway]
impl Replies {
    #[subscribe]
    fn unit(&self) {}

    #[subscribe]
    async fn waited_for(&self) {
        tokio::task::yield_now().await;
    }

    #[subscribe]
    fn data(&self) -> Data<Point> {
        Data(Point { x: 1 })
    }

    #[subscribe]
    fn text(&self) -> &'static str {
        "text"
    }

    #[subscribe]
    fn owned(&self) -> Cow<'static, str> {
        "owned".into()
    }

    #[subscribe]
    fn zero(&self) -> u8 {
        0
    }

    #[subscribe]
    fn no(&self) -> bool {
        false
    }

    #[subscribe]
    fn nothing_in_it(&self) -> String {
        String::new()
    }

    #[subscribe]
    fn json(&self) -> Value {
        json!({"a": [1, null]})
    }

    #[subscribe]
    fn null(&self) -> Value {
        Value::Null
    }

    #[subscribe]
    fn bytes(&self) -> Bytes {
        Bytes::from_static(&[1, 2])
    }

    #[subscribe]
    fn several(&self) -> Args<(u8, &'static str)> {
        Args((1, "b"))
    }

    #[subscribe]
    fn some(&self) -> Option<Data<Point>> {
        Some(Data(Point { x: 2 }))
    }

    #[subscribe]
    fn none(&self) -> Option<u8> {
        None
    }

    #[subscribe]
    async fn fine(&self) -> Result<u8, Failure> {
        Ok(3)
    }

    #[subscribe]
    fn fine_and_none(&self) -> Result<Option<u8>, Exception> {
        Ok(None)
    }

    #[subscribe]
    fn pop(&self) -> Reply {
        Reply::event("popped", Point { x: 4 })
    }

    #[subscribe]
    fn perhaps_pop(&self) -> Result<Option<Reply>, Failure> {
        Ok(Some(Reply::event("popped", 5)))
    }

    #[subscribe]
    fn by_hand(&self, ack: Ack) {
        tokio::spawn(async move { ack.send(&6) });
    }

    #[subscribe]
    fn stream(&self) -> impl Stream<Item = u8> {
        stream::iter([7, 8])
    }

    #[subscribe]
    fn stream_that_fails(&self) -> impl Stream<Item = Result<Option<u8>, Failure>> {
        stream::iter([Ok(Some(9)), Ok(None), Err(Failure::Muted), Ok(Some(10))])
    }

    #[subscribe]
    fn muted(&self) -> Result<(), Failure> {
        Err(Failure::Muted)
    }

    #[subscribe]
    fn hidden(&self) -> Result<(), Failure> {
        Err(Failure::Store)
    }

    #[subscribe]
    fn told(&self) -> Result<(), Exception> {
        Err(Exception::message("not today").with_details(&json!({"until": 5})))
    }

    #[subscribe]
    fn verbatim(&self) -> Result<(), Exception> {
        Err(Exception::payload(&json!([1, {"of": "mine"}])))
    }

    #[subscribe]
    fn own_cause(&self) -> Result<(), Exception> {
        Err(Exception::new("c", "m").with_cause(&json!({"why": 1})))
    }

    #[subscribe]
    fn without_cause(&self) -> Result<(), Exception> {
        Err(Exception::message("m").without_cause())
    }

    #[subscribe]
    fn panics(&self) {
        panic!("on request");
    }

    #[subscribe]
    fn number(&self, Data(_): Data<u8>) {}
}

async fn serve(nestjs: bool) -> TestServer {
    Server::empty().gateway::<Replies>().nestjs_compat(nestjs).test().await.unwrap()
}

/// A client of each format.
async fn clients(server: &TestServer) -> [TestClient; 3] {
    let plain = server.connect("/replies").await.unwrap();
    let packed = server.connect("/replies").protocol("gateway.v1.msgpack").await.unwrap();
    let socket_io = server.connect("/replies").socket_io().await.unwrap();
    [plain, packed, socket_io]
}

fn is_socket_io(number: usize) -> bool {
    number == 2
}

type Row = (&'static str, fn() -> Value);

/// The event, and the values that answer it.
const VALUES: [Row; 18] = [
    ("unit", || json!(null)),
    ("waited_for", || json!(null)),
    ("data", || json!({"x": 1})),
    ("text", || json!("text")),
    ("owned", || json!("owned")),
    ("zero", || json!(0)),
    ("no", || json!(false)),
    ("nothing_in_it", || json!("")),
    ("json", || json!({"a": [1, null]})),
    ("null", || json!(null)),
    ("bytes", || json!("AQI=")),
    ("several", || json!([1, "b"])),
    ("some", || json!({"x": 2})),
    ("none", || json!(null)),
    ("fine", || json!(3)),
    ("fine_and_none", || json!(null)),
    ("by_hand", || json!(6)),
    ("number", || json!(null)),
];

/// Those that are no value without a request for one.
const EMPTY: [&str; 5] = ["unit", "waited_for", "none", "fine_and_none", "number"];

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_its_value_or_by_null() {
    let server = serve(false).await;
    for mut client in clients(&server).await {
        for (event, value) in VALUES {
            assert_eq!(client.emit_with_ack::<Value>(event, 1).await, Ok(value()), "{event}");
        }
        client.expect_nothing().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_answered_on_itself_and_on_socket_io_not_at_all() {
    let server = serve(false).await;
    for (number, mut client) in clients(&server).await.into_iter().enumerate() {
        for (event, value) in VALUES {
            client.emit(event, 1).await;
            if !is_socket_io(number) && !EMPTY.contains(&event) {
                let expected = Received::Event { event: event.to_owned(), data: value() };
                assert_eq!(client.next().await, expected);
            }
            client.expect_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_named_event_always_goes_out() {
    let server = serve(false).await;
    for (number, mut client) in clients(&server).await.into_iter().enumerate() {
        for (event, value) in [("pop", json!({"x": 4})), ("perhaps_pop", json!(5))] {
            client.emit(event, ()).await;
            assert_eq!(client.next().await, Received::Event { event: "popped".into(), data: value.clone() });
            assert_eq!(client.emit_with_ack::<Value>(event, ()).await.unwrap(), value);
            if is_socket_io(number) {
                assert_eq!(client.expect_named("popped").await, value);
            }
            client.expect_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_its_items_and_an_end() {
    let server = serve(false).await;
    for (number, mut client) in clients(&server).await.into_iter().enumerate() {
        client.emit("stream", ()).await;
        if is_socket_io(number) {
            // Its items name no event, and nobody asked for an answer.
            client.expect_nothing().await;
            assert_eq!(client.emit_with_ack::<Value>("stream", ()).await.unwrap(), json!(null));
            assert_eq!([client.expect_named("stream").await, client.expect_named("stream").await], [7, 8]);
            continue;
        }
        assert_eq!([client.expect_named("stream").await, client.expect_named("stream").await], [7, 8]);
        client.expect_nothing().await;
        assert_eq!(client.stream("stream", ()).await.collect::<u8>().await.unwrap(), [7, 8]);
        let mut failing = client.stream("stream_that_fails", ()).await;
        assert_eq!(failing.next::<Value>().await.unwrap().unwrap(), 9);
        assert_eq!(failing.next::<Value>().await.unwrap().unwrap(), json!(null));
        assert_eq!(failing.next::<Value>().await.unwrap().unwrap_err().code(), Some("muted"));
        client.expect_nothing().await;
    }
}

/// The payload of the exception that comes next, its id left out, as nobody knows it before. On Socket.IO a payload of the
/// application's own is an ack like any other.
async fn failure(client: &mut TestClient) -> (Option<u64>, Value) {
    let (id, mut payload) = match client.next().await {
        Received::Exception { id, failure } => (id, failure.payload().clone()),
        Received::Reply { id, data, .. } => (Some(id), data),
        other => panic!("no exception: {other:?}"),
    };
    if let Some(id) = payload.get_mut("id") {
        *id = json!("…");
    }
    (id, payload)
}

#[tokio::test(start_paused = true)]
async fn failures_have_the_shape_that_clients_of_nestjs_read() {
    let internal = "Internal server error";
    let cause = |event: &str| json!({ "pattern": event });
    let expected = [
        ("muted", json!({"status": "error", "message": "you are muted", "code": "muted", "cause": cause("muted")})),
        (
            "hidden",
            json!({"status": "error", "message": internal, "code": "store", "id": "…", "cause": cause("hidden")}),
        ),
        ("told", json!({"status": "error", "message": "not today", "details": {"until": 5}, "cause": cause("told")})),
        ("verbatim", json!([1, {"of": "mine"}])),
        ("own_cause", json!({"status": "error", "message": "m", "code": "c", "cause": {"why": 1}})),
        ("without_cause", json!({"status": "error", "message": "m"})),
        (
            "panics",
            json!({"status": "error", "message": internal, "code": "internal", "id": "…", "cause": cause("panics")}),
        ),
    ];
    let server = serve(false).await;
    for mut client in clients(&server).await {
        for (event, expected) in expected.clone() {
            let request = client.begin(event, "x").await;
            assert_eq!(failure(&mut client).await, (Some(request), expected.clone()));
            client.emit(event, "x").await;
            let received = match client.next().await {
                // A payload of the application's own on the event's name for failures.
                Received::Exception { id: None, failure } => failure.payload().clone(),
                other => panic!("no exception: {other:?}"),
            };
            assert_eq!(received.get("message"), expected.get("message"));
            client.expect_nothing().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn by_its_switch_they_are_what_nestjs_sends() {
    let internal = "Internal server error";
    let cause = |event: &str| json!({ "pattern": event, "data": "x" });
    let expected = [
        ("muted", json!({"status": "error", "message": "you are muted", "code": "muted", "cause": cause("muted")})),
        // Whoever knows no codes and ids gets none that are the framework's.
        ("hidden", json!({"status": "error", "message": internal, "cause": cause("hidden")})),
        ("panics", json!({"status": "error", "message": internal, "cause": cause("panics")})),
        ("told", json!({"status": "error", "message": "not today", "details": {"until": 5}, "cause": cause("told")})),
        ("verbatim", json!([1, {"of": "mine"}])),
        ("own_cause", json!({"status": "error", "message": "m", "code": "c", "cause": {"why": 1}})),
        ("without_cause", json!({"status": "error", "message": "m"})),
    ];
    let server = serve(true).await;
    for (number, mut client) in clients(&server).await.into_iter().enumerate() {
        for (event, expected) in expected.clone() {
            let request = client.begin(event, "x").await;
            // On Socket.IO it is the event `exception`, and the ack never comes.
            let id = (!is_socket_io(number)).then_some(request);
            assert_eq!(failure(&mut client).await, (id, expected));
            client.expect_nothing().await;
        }
    }
}
