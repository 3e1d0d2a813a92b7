//! More than a slow client may have waiting, sent in one turn to streams that are read, and what waits when a stream ends.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::SendError;
use gateway_core::http::StatusCode;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::testing::EventStreamClient;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::serve;

/// More than a slow client may have waiting, in frames and in bytes.
const BURSTS: [(usize, usize); 2] = [(1500, 8), (510, 3000)];

#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<u32>>>);

#[gateway(namespace = "/bursts")]
struct Bursts {
    notes: Notes,
}

#[gateway]
impl Bursts {
    #[on_connect]
    fn joined(&self, socket: Socket) -> Result<(), SendError> {
        let wanted = socket.handshake().header("x-burst").and_then(|wanted| wanted.split_once(' '));
        let Some((count, bytes)) = wanted else { return Ok(()) };
        burst(count.parse().unwrap(), bytes.parse().unwrap(), |text| socket.emit("n", text))
    }

    #[subscribe]
    fn own(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        burst(count, bytes, |text| socket.emit("n", text))
    }

    #[subscribe]
    async fn later(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        sleep(Duration::from_millis(1)).await;
        burst(count, bytes, |text| socket.emit("n", text))
    }

    #[subscribe]
    fn everybody(&self, namespace: Namespace, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        burst(count, bytes, |text| if namespace.emit("n", text).skipped == 0 { Ok(()) } else { Err(SendError::Full) })
    }

    /// An event of so many bytes, at once.
    #[subscribe]
    fn reply(&self, Data(bytes): Data<usize>) -> String {
        "x".repeat(bytes)
    }

    #[subscribe]
    async fn slow(&self) {
        sleep(Duration::from_millis(300)).await;
    }

    #[subscribe]
    fn note(&self, Data(number): Data<u32>) {
        self.notes.0.lock().unwrap().push(number);
    }
}

fn burst(count: usize, bytes: usize, send: impl Fn(&str) -> Result<(), SendError>) -> Result<(), SendError> {
    let text = "x".repeat(bytes);
    (0..count).try_for_each(|_| send(&text))
}

async fn expect_burst(client: &mut EventStreamClient, (count, bytes): (usize, usize)) {
    for number in 0..count {
        assert_eq!(client.expect_named("n").await.data::<String>().len(), bytes, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_one_handler_reaches_its_client_and_everybody() {
    let server = serve::<Bursts>(|server| server.provide(Notes::default())).await;
    let mut ann = server.connect_sse("/bursts").await.unwrap();
    let mut bob = server.connect_sse("/bursts").await.unwrap();
    for burst in BURSTS {
        for event in ["own", "later", "everybody"] {
            let asked = json!({"event": event, "data": [burst.0, burst.1], "id": 1}).to_string();
            let answer = tokio::spawn(ann.begin_post(&asked));
            expect_burst(&mut ann, burst).await;
            assert_eq!(answer.await.unwrap().status(), StatusCode::OK, "{event}");
        }
        expect_burst(&mut bob, burst).await;
    }
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_may_send_a_burst() {
    let server = serve::<Bursts>(|server| server.provide(Notes::default())).await;
    for burst in BURSTS {
        let wanted = format!("{} {}", burst.0, burst.1);
        let mut client = server.connect_sse("/bursts").header("x-burst", &wanted).await.unwrap();
        expect_burst(&mut client, burst).await;
    }
}

/// Handlers that return at once: no POST is taken while their events wait, and all are there when they are read.
#[tokio::test(start_paused = true)]
async fn events_that_are_read_a_second_later_are_all_there() {
    let server = serve::<Bursts>(|server| server.provide(Notes::default())).await;
    let mut ann = server.connect_sse("/bursts").await.unwrap();
    let posts: Vec<_> = (0..30).map(|_| tokio::spawn(ann.begin_post(r#"{"event":"reply","data":50000}"#))).collect();
    sleep(Duration::from_secs(1)).await;
    for number in 0..30 {
        assert_eq!(ann.expect_named("reply").await.data::<String>().len(), 50_000, "{number}");
    }
    for post in posts {
        assert_eq!(post.await.unwrap().status(), StatusCode::ACCEPTED);
    }
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

/// The end of a stream is a loss: an `EventSource` has no goodbye. Requests are answered while their POST waits.
#[tokio::test(start_paused = true)]
async fn what_waits_when_its_stream_ends_is_not_started_and_its_requests_are_told() {
    let notes = Notes::default();
    let kept = notes.clone();
    let server = serve::<Bursts>(|server| server.provide(kept)).await;
    let mut ann = server.connect_sse("/bursts").await.unwrap();
    ann.emit("slow", ()).await;
    ann.emit("note", 1).await;
    let request = tokio::spawn(ann.begin_post(r#"{"event":"note","data":2,"id":1}"#));
    sleep(Duration::from_millis(1)).await;
    ann.close().await;
    let answer = request.await.unwrap();
    assert_eq!(answer.status(), StatusCode::GONE);
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&told["data"]["code"], &told["id"]), (&json!("gone"), &json!(1)), "{told}");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(*notes.0.lock().unwrap(), [0; 0]);
    assert_eq!(server.of("/bursts").count(), 0);
}
