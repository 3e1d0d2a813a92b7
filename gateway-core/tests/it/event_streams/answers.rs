//! Answers of several frames, and requests whose POST or stream ends before their answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{Stream, stream};
use gateway_core::extract::Cancellation;
use gateway_core::http::StatusCode;
use gateway_core::prelude::*;
use http_body_util::BodyExt;
use serde_json::Value;

use super::serve;

#[derive(Default)]
struct Counts {
    made: AtomicUsize,
    cancelled: AtomicUsize,
}

/// Counts handlers that have ended, whether they returned or were dropped.
struct Stopped(Arc<Counts>);

impl Drop for Stopped {
    fn drop(&mut self) {
        self.0.cancelled.fetch_add(1, Ordering::Relaxed);
    }
}

#[gateway(namespace = "/work")]
struct Work {
    counts: Arc<Counts>,
}

#[gateway]
impl Work {
    #[subscribe("count")]
    fn count(&self, Data(to): Data<usize>) -> impl Stream<Item = usize> {
        let counts = Arc::clone(&self.counts);
        stream::iter(0..to).map_with(move |number| {
            counts.made.fetch_add(1, Ordering::Relaxed);
            number
        })
    }

    #[subscribe("fail")]
    fn fail(&self) -> impl Stream<Item = Result<usize, Exception>> {
        stream::iter([Ok(1), Err(Exception::new("broken", "no more"))])
    }

    #[subscribe("none")]
    fn none(&self) {}

    #[subscribe("wait")]
    async fn wait(&self, cancellation: Cancellation) -> Result<(), Exception> {
        let _stopped = Stopped(Arc::clone(&self.counts));
        cancellation.cancelled().await;
        Err(Exception::new("stopped", "cancelled"))
    }

    #[subscribe("hang")]
    async fn hang(&self) {
        std::future::pending::<()>().await;
    }
}

/// `map` of `StreamExt`, by a name of its own so that its import is not needed elsewhere.
trait MapWith: Stream + Sized {
    fn map_with<T, F: FnMut(Self::Item) -> T>(self, map: F) -> impl Stream<Item = T> {
        futures_util::StreamExt::map(self, map)
    }
}

impl<S: Stream> MapWith for S {}

async fn work() -> (gateway_core::testing::TestServer, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let given = Arc::clone(&counts);
    (serve::<Work>(|server| server.provide(given)).await, counts)
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_replies_is_a_line_for_each() {
    let (server, _) = work().await;
    let mut ann = server.connect_sse("/work").await.unwrap();
    let response = ann.begin_post(r#"{"event":"count","data":100,"id":1}"#).await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let text = response.into_body().collect().await.unwrap().to_bytes();
    let lines: Vec<Value> =
        std::str::from_utf8(&text).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<_> = lines.iter().filter_map(|line| line["data"].as_u64()).collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert_eq!(lines[100], serde_json::json!({ "event": "count", "id": 1, "end": true }));
    let (status, text) = ann.post(r#"{"event":"fail","id":2}"#).await;
    assert_eq!(status, StatusCode::OK);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["data"]["code"]), (2, &"broken".into()));
    assert_eq!(ann.post(r#"{"event":"none","id":3}"#).await.1, r#"{"event":"none","data":null,"id":3}"#);
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_post_is_not_read_pauses_and_ends_with_it() {
    let (server, counts) = work().await;
    let ann = server.connect_sse("/work").await.unwrap();
    let response = ann.begin_post(r#"{"event":"count","data":1000000,"id":1}"#).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let made = counts.made.load(Ordering::Relaxed);
    assert!(made < 100, "{made}");
    drop(response);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(counts.made.load(Ordering::Relaxed) <= made + 1);
    // Its id is free again.
    assert_eq!(ann.post(r#"{"event":"none","id":1}"#).await.0, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_ends_cancels_its_request() {
    let (server, counts) = work().await;
    let ann = server.connect_sse("/work").await.unwrap();
    let post = tokio::spawn(ann.begin_post(r#"{"event":"wait","id":1}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    post.abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(counts.cancelled.load(Ordering::Relaxed), 1);
    assert_eq!(server.of("/work").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_is_cancelled_by_name_and_answered_so() {
    let (server, _) = work().await;
    let ann = server.connect_sse("/work").await.unwrap();
    let post = tokio::spawn(ann.begin_post(r#"{"event":"hang","id":1}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(ann.post(r#"{"cancel":1}"#).await.0, StatusCode::ACCEPTED);
    let text = post.await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&text).unwrap()["data"]["code"], "cancelled");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_stream_ends_has_its_end_too() {
    let (server, counts) = work().await;
    let ann = server.connect_sse("/work").await.unwrap();
    let waits = tokio::spawn(ann.begin_post(r#"{"event":"wait","id":1}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let behind = tokio::spawn(ann.begin_post(r#"{"event":"none","id":2}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    ann.close().await;
    let status = waits.await.unwrap().status();
    assert!(matches!(status, StatusCode::GONE | StatusCode::BAD_REQUEST), "{status}");
    let behind = behind.await.unwrap();
    assert_eq!(behind.status(), StatusCode::GONE);
    assert_eq!(counts.cancelled.load(Ordering::Relaxed), 1);
}
