//! Messages of POSTs: who they belong to, and what is wrong with them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::http::{Request, StatusCode};
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{Body, ServerSentEvents};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::serve;

#[derive(Default)]
struct Gate(Notify);

#[gateway(namespace = "/work")]
struct Work {
    gate: Arc<Gate>,
}

#[gateway]
impl Work {
    #[subscribe("double")]
    fn double(&self, Data(number): Data<i64>) -> i64 {
        number * 2
    }

    #[subscribe("wait")]
    async fn wait(&self) -> &'static str {
        self.gate.0.notified().await;
        "opened"
    }

    #[subscribe("fail")]
    fn fail(&self, Data(code): Data<String>) -> Result<(), Exception> {
        Err(Exception::new(code, "no"))
    }

    #[subscribe("ask")]
    async fn ask(&self, socket: Socket) -> Result<String, Exception> {
        Ok(socket.emit_with_ack("name", &1).await?)
    }
}

async fn work(configure: impl FnOnce(Server) -> Server) -> (gateway_core::testing::TestServer, Arc<Gate>) {
    let gate = Arc::<Gate>::default();
    let given = Arc::clone(&gate);
    (serve::<Work>(|server| configure(server.provide(given))).await, gate)
}

fn code(text: &str) -> String {
    let frame: Value = serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"));
    assert_eq!(frame["event"], "exception", "{text}");
    frame["data"]["code"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered_by_its_post_alone_and_an_event_is_accepted() {
    let (server, _) = work(|server| server).await;
    let mut ann = server.connect_sse("/work").await.unwrap();
    let (status, text) = ann.post(r#"{"event":"double","data":21,"id":"a\"b"}"#).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, r#"{"event":"double","data":42,"id":"a\"b"}"#));
    ann.expect_nothing().await;
    // Without an id the value is an event, as on plain WebSocket.
    assert_eq!(ann.post(r#"{"event":"double","data":2}"#).await, (StatusCode::ACCEPTED, String::new()));
    assert_eq!(ann.expect_named("double").await.data::<i64>(), 4);
    ann.post(r#"{"event":"fail","data":"muted"}"#).await;
    assert_eq!(ann.expect_named("exception").await.data::<Value>()["code"], "muted");
}

#[tokio::test(start_paused = true)]
async fn a_failure_has_a_status_and_the_exceptions_object() {
    let (server, _) = work(|server| server).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let mut bob = server.connect("/work").await.unwrap();
    for (event, data, status) in [
        ("fail", json!("muted"), 400),
        ("fail", json!("unauthorized"), 401),
        ("fail", json!("forbidden"), 403),
        ("fail", json!("rate_limited"), 429),
        ("double", json!("no number"), 422),
        ("unknown", json!(1), 404),
    ] {
        let (answered, text) = ann.post(&json!({ "event": event, "data": data, "id": 1 }).to_string()).await;
        let expected = bob.emit_with_ack::<Value>(event, data).await.unwrap_err();
        let frame: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((answered.as_u16(), &frame["data"], &frame["id"]), (status, expected.payload(), &json!(1)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_told_and_the_stream_lives() {
    let (server, _) = work(|server| server.limits(Limits::new().message_bytes(100))).await;
    let mut ann = server.connect_sse("/work").await.unwrap();
    let before = server.count(Counter::Exceptions);
    for (body, status, expected) in [
        ("", 400, "malformed"),
        ("[]", 400, "malformed"),
        ("{", 400, "malformed"),
        (r#"{"data":1}"#, 400, "malformed"),
        (r#"{"event":"double","id":1.5}"#, 400, "malformed"),
        (&format!(r#"{{"event":"double","data":"{}"}}"#, "x".repeat(100)), 413, "too_large"),
    ] {
        let (answered, text) = ann.post(body).await;
        assert_eq!((answered.as_u16(), code(&text).as_str()), (status, expected), "{body}");
    }
    let (_, text) = ann.post(r#"{"data":1,"id":7}"#).await;
    assert!(text.ends_with(",\"id\":7}"), "{text}");
    assert_eq!(server.count(Counter::Exceptions) - before, 7);
    assert_eq!(ann.emit_with_ack::<i64>("double", 1).await, Ok(2));
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_no_text_or_stops_is_told() {
    let (server, _) = work(|server| server).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let mut service = server.service();
    let mut post = |body: Body| {
        let request = Request::post("/work").header("gateway-stream", ann.stream()).body(body).unwrap();
        let answering = tower_service::Service::call(&mut service, request);
        async move {
            let response = answering.await.unwrap();
            let status = response.status().as_u16();
            let bytes = http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes();
            (status, code(std::str::from_utf8(&bytes).unwrap()))
        }
    };
    assert_eq!(post(Body::from(vec![0xff])).await, (400, "malformed".into()));
    let never = futures_util::stream::pending::<Result<http_body::Frame<Bytes>, std::io::Error>>();
    assert_eq!(post(Body::new(http_body_util::StreamBody::new(never))).await, (408, "too_slow".into()));
    let broken = futures_util::stream::iter([Err::<http_body::Frame<Bytes>, _>(std::io::Error::other("cut"))]);
    assert_eq!(post(Body::new(http_body_util::StreamBody::new(broken))).await, (400, "malformed".into()));
    assert_eq!(server.of("/work").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_post_without_its_stream_reaches_nobody() {
    let (server, _) = work(|server| server).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let mut service = server.service();
    let mut post = |stream: Option<&str>, query: &str| {
        let mut request = Request::post(format!("/work{query}"));
        if let Some(stream) = stream {
            request = request.header("gateway-stream", stream);
        }
        let request = request.body(Body::from(r#"{"event":"double","data":1,"id":1}"#)).unwrap();
        let answering = tower_service::Service::call(&mut service, request);
        async move {
            let response = answering.await.unwrap();
            let status = response.status().as_u16();
            (status, http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes())
        }
    };
    let (status, text) = post(None, "").await;
    assert_eq!((status, code(std::str::from_utf8(&text).unwrap()).as_str()), (400, "no_stream"));
    for unknown in ["", "x", "aaaaaaaaaaaaaaaaaaaaaaaa"] {
        let (status, text) = post(Some(unknown), "").await;
        assert_eq!((status, code(std::str::from_utf8(&text).unwrap()).as_str()), (404, "unknown_stream"));
    }
    // By the query too, as `sendBeacon` sets no header.
    let stream = ann.stream().to_owned();
    assert_eq!(post(None, &format!("?stream={stream}")).await.0, 200);
    ann.close().await;
    assert_eq!(post(Some(&stream), "").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn two_requests_with_one_id_are_not_mixed_up() {
    let (server, gate) = work(|server| server).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let first = tokio::spawn(ann.begin_post(r#"{"event":"wait","id":1}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (status, text) = ann.post(r#"{"event":"double","data":1,"id":1}"#).await;
    assert_eq!((status.as_u16(), code(&text).as_str()), (409, "duplicate_id"));
    gate.0.notify_one();
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn posts_of_one_stream_are_bounded() {
    let (server, gate) = work(|server| server.server_sent_events(ServerSentEvents::new().posts(2))).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let waiting: Vec<_> =
        (1..=2).map(|id| tokio::spawn(ann.begin_post(&json!({ "event": "wait", "id": id }).to_string()))).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (status, text) = ann.post(r#"{"event":"double","data":1,"id":3}"#).await;
    assert_eq!((status.as_u16(), code(&text).as_str()), (429, "too_many_posts"));
    for post in waiting {
        gate.0.notify_one();
        assert_eq!(post.await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(ann.post(r#"{"event":"double","data":1,"id":3}"#).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_question_of_the_server_is_an_event_and_its_answer_a_post() {
    let (server, _) = work(|server| server).await;
    let mut ann = server.connect_sse("/work").await.unwrap();
    let asking = tokio::spawn(ann.begin_post(r#"{"event":"ask","id":1}"#));
    let question: Value = ann.expect_named("gateway:ask").await.data();
    assert_eq!(question, json!({ "event": "name", "data": 1, "ask": question["ask"] }));
    ann.answer(question["ask"].as_u64().unwrap(), "Ann").await;
    let body = http_body_util::BodyExt::collect(asking.await.unwrap().into_body()).await.unwrap().to_bytes();
    assert_eq!(body, r#"{"event":"ask","data":"Ann","id":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_nobody_can_take_is_answered() {
    let limits = Limits::new().queued_events(1).handler_timeout(Duration::from_secs(5));
    let (server, gate) = work(|server| server.limits(limits)).await;
    let ann = server.connect_sse("/work").await.unwrap();
    let mut posts = Vec::new();
    for id in 1..=20 {
        posts.push(tokio::spawn(ann.begin_post(&json!({ "event": "wait", "id": id }).to_string())));
    }
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.await.unwrap().status().as_u16());
        gate.0.notify_one();
    }
    // Each has one answer: its own, the handler's time, or that of waiting.
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503 | 504)), "{statuses:?}");
    assert!(statuses.contains(&503), "{statuses:?}");
}
