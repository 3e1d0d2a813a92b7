//! The rows of `docs/protocol.md`, each with a client in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_core::Stream;
use futures_util::stream;
use gateway_core::prelude::*;
use gateway_core::testing::{Received, TestClient, TestServer};
use serde_json::{Value, json};

#[gateway(namespace = "/p")]
struct Protocol;

#[gateway]
impl Protocol {
    #[subscribe("echo")]
    fn echo(&self, Data(data): Data<Value>) -> Value {
        data
    }

    #[subscribe]
    fn unit(&self) {}

    #[subscribe]
    fn none(&self) -> Option<u8> {
        None
    }

    #[subscribe]
    fn pop(&self, Data(data): Data<Value>) -> Reply {
        Reply::event("popped", data)
    }

    #[subscribe]
    fn bytes(&self, bytes: Bytes) -> Bytes {
        bytes
    }

    #[subscribe]
    async fn count(&self, Data(to): Data<u32>) -> impl Stream<Item = u32> {
        tokio::task::yield_now().await;
        stream::iter(1..=to)
    }

    #[subscribe]
    fn broken(&self) -> impl Stream<Item = Result<u32, Exception>> {
        stream::iter([Ok(1), Err(Exception::new("mid", "it broke"))])
    }

    #[subscribe]
    fn fail(&self) -> Result<(), Exception> {
        Err(Exception::new("muted", "you are muted"))
    }

    #[subscribe]
    fn verbatim(&self) -> Result<(), Exception> {
        Err(Exception::payload(&json!([1, 2])))
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Value, Exception> {
        let answer = socket.emit_with_ack("question", "why?").await;
        answer.map_err(|error| Exception::new("ask", error.to_string()))
    }

    #[subscribe]
    async fn forever(&self) {
        std::future::pending::<()>().await;
    }
}

async fn connect() -> (TestServer, TestClient) {
    let server = Server::empty().gateway::<Protocol>().test().await.unwrap();
    let client = server.connect("/p").await.unwrap();
    (server, client)
}

/// Sends one text frame and compares everything that comes back.
async fn check(sent: &str, expected: &[Value]) {
    let (_server, mut client) = connect().await;
    client.send_text(sent).await;
    for expected in expected {
        assert_eq!(text_of(client.next().await), *expected, "{sent}");
    }
    client.expect_nothing().await;
}

/// The frame a received message came in, written again.
fn text_of(received: Received) -> Value {
    match received {
        Received::Event { event, data } => json!({"event": event, "data": data}),
        Received::Reply { id, event, data, more: false } => json!({"event": event, "data": data, "id": id}),
        Received::Reply { id, event, data, more: true } => {
            json!({"event": event, "data": data, "id": id, "more": true})
        }
        Received::End { id } => json!({"id": id, "end": true}),
        Received::Exception { id, failure } => json!({"exception": failure.payload(), "id": id}),
        Received::Question { ask, event, data } => json!({"event": event, "data": data, "ask": ask}),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_answered_only_by_a_value() {
    check(r#"{"event":"unit"}"#, &[]).await;
    check(r#"{"event":"none"}"#, &[]).await;
    check(r#"{"event":"echo","data":{"x":1}}"#, &[json!({"event": "echo", "data": {"x": 1}})]).await;
    check(r#"{"event":"echo"}"#, &[json!({"event": "echo", "data": null})]).await;
    check(r#"{"event":"pop","data":1}"#, &[json!({"event": "popped", "data": 1})]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_in_one_terminal_frame() {
    check(r#"{"event":"unit","id":7}"#, &[json!({"event": "unit", "data": null, "id": 7})]).await;
    check(r#"{"event":"none","id":7}"#, &[json!({"event": "none", "data": null, "id": 7})]).await;
    check(r#"{"event":"echo","data":[1],"id":7}"#, &[json!({"event": "echo", "data": [1], "id": 7})]).await;
    check(r#"{"event":"pop","data":1,"id":7}"#, &[json!({"event": "popped", "data": 1, "id": 7})]).await;
    check(r#"{"event":"bytes","data":"aGk=","id":7}"#, &[json!({"event": "bytes", "data": "aGk=", "id": 7})]).await;
}

#[tokio::test(start_paused = true)]
async fn a_binary_frame_with_json_is_read_the_same_way() {
    let (_server, mut client) = connect().await;
    client.send_message(Bytes::from_static(br#"{"event":"echo","data":1,"id":7}"#)).await;
    assert_eq!(text_of(client.next().await), json!({"event": "echo", "data": 1, "id": 7}));
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_an_explicit_end_where_it_was_asked_for() {
    let item = |n: u32| json!({"event": "count", "data": n, "id": 7, "more": true});
    check(r#"{"event":"count","data":2,"id":7}"#, &[item(1), item(2), json!({"id": 7, "end": true})]).await;
    check(r#"{"event":"count","data":0,"id":7}"#, &[json!({"id": 7, "end": true})]).await;
    check(r#"{"event":"count","data":1}"#, &[json!({"event": "count", "data": 1})]).await;
    let failure = json!({"status": "error", "message": "it broke", "code": "mid", "cause": {"pattern": "broken"}});
    let first = json!({"event": "broken", "data": 1, "id": 7, "more": true});
    check(r#"{"event":"broken","id":7}"#, &[first, json!({"exception": failure, "id": 7})]).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_exception() {
    let failure = json!({"status": "error", "message": "you are muted", "code": "muted", "cause": {"pattern": "fail"}});
    check(r#"{"event":"fail","id":7}"#, &[json!({"exception": failure, "id": 7})]).await;
    check(r#"{"event":"fail"}"#, &[json!({"exception": failure, "id": null})]).await;
    check(r#"{"event":"verbatim","id":7}"#, &[json!({"exception": [1, 2], "id": 7})]).await;
}

#[tokio::test(start_paused = true)]
async fn a_question_is_answered_by_its_number() {
    let (_server, mut client) = connect().await;
    let id = client.begin("ask", ()).await;
    let (ask, data) = client.expect_question("question").await;
    assert_eq!(data, "why?");
    client.answer(ask, "because").await;
    assert_eq!(text_of(client.next().await), json!({"event": "ask", "data": "because", "id": id}));

    client.begin("ask", ()).await;
    let (ask, _) = client.expect_question("question").await;
    client.answer_with_error(ask, "no idea").await;
    let Received::Exception { failure, .. } = client.next().await else { panic!("no exception") };
    assert!(failure.message().contains("no idea"));
}

#[tokio::test(start_paused = true)]
async fn a_question_without_an_answer_times_out() {
    let (_server, mut client) = connect().await;
    let failure = client.emit_with_ack::<Value>("ask", ()).await.unwrap_err();
    assert_eq!(failure.message(), "operation has timed out");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_is_told_so() {
    let (_server, mut client) = connect().await;
    let (running, waiting) = (client.begin("forever", ()).await, client.begin("echo", 1).await);
    client.send_text(&json!({"cancel": waiting}).to_string()).await;
    client.send_text(&json!({"cancel": running}).to_string()).await;
    for expected in [waiting, running] {
        let Received::Exception { id, failure } = client.next().await else { panic!("no exception") };
        assert_eq!((id, failure.code()), (Some(expected), Some("cancelled")));
    }
    client.expect_nothing().await;
}
