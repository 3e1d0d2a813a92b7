//! The server asks, the client answers.

use std::time::Duration;

use gateway_core::socket_io::EngineIo;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::support::{Engine, engine_with};

const INTERVAL: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_millis(200);

async fn quick() -> Engine {
    engine_with(EngineIo::new().ping_interval(INTERVAL).ping_timeout(TIMEOUT)).await
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_pinged_an_interval_after_its_answer_and_never_before() {
    let engine = quick().await;
    let id = engine.open().await;
    let mut answered = Instant::now();
    for _ in 0..3 {
        let answer = engine.poll(&id).await;
        assert_eq!((answer.body.as_str(), answered.elapsed()), ("2", INTERVAL));
        sleep(Duration::from_millis(100)).await;
        answered = Instant::now();
        assert_eq!(engine.post(&id, "3").await.body, "ok");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_when_the_time_is_over_is_turned_away() {
    let engine = quick().await;
    let id = engine.open().await;
    sleep(INTERVAL + TIMEOUT).await;
    assert_eq!(engine.poll(&id).await.status, 400);
}

#[tokio::test(start_paused = true)]
async fn a_websocket_is_pinged_an_interval_after_its_answer_and_never_before() {
    let mut websocket = quick().await.open_websocket().await;
    let mut answered = Instant::now();
    for _ in 0..3 {
        assert_eq!(websocket.text().await, "2");
        assert_eq!(answered.elapsed(), INTERVAL);
        sleep(Duration::from_millis(100)).await;
        answered = Instant::now();
        websocket.send("3").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_client_does_not_answer_is_closed() {
    let engine = quick().await;
    let id = engine.open().await;
    assert_eq!(engine.poll(&id).await.body, "2");
    let asked = Instant::now();
    assert_eq!(engine.poll(&id).await.body, "1");
    assert_eq!(asked.elapsed(), TIMEOUT);
    assert_eq!(engine.poll(&id).await.refusal().1, json!(1));

    let mut websocket = engine.open_websocket().await;
    assert_eq!(websocket.text().await, "2");
    assert_eq!(websocket.closed().await, 1005);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_ever_polls_is_freed() {
    let engine = quick().await;
    let id = engine.open().await;
    // The interval, the timeout, and the time a goodbye waits for a poll.
    sleep(INTERVAL + TIMEOUT + Duration::from_secs(5) + Duration::from_millis(1)).await;
    assert_eq!(engine.poll(&id).await.refusal().1, json!(1));
}

/// A client that sends may have lost what comes to it. engine.io 6.6.13 has the same rule.
#[tokio::test(start_paused = true)]
async fn who_sends_and_does_not_answer_has_its_time_once_more() {
    let engine = quick().await;
    let mut websocket = engine.open_websocket().await;
    assert_eq!(websocket.text().await, "2");
    let asked = Instant::now();
    sleep(Duration::from_millis(150)).await;
    websocket.send("4a").await;
    assert_eq!(websocket.text().await, "4a");
    sleep(Duration::from_millis(150)).await;
    websocket.send("4b").await;
    assert_eq!(websocket.text().await, "4b");
    assert_eq!(websocket.closed().await, 1005);
    assert_eq!(asked.elapsed(), Duration::from_millis(150) + TIMEOUT);

    let id = engine.open().await;
    assert_eq!(engine.poll(&id).await.body, "2");
    for text in ["4a", "4b"] {
        sleep(Duration::from_millis(150)).await;
        assert_eq!(engine.post(&id, text).await.body, "ok");
        assert_eq!(engine.poll(&id).await.body, text);
    }
    assert_eq!(engine.poll(&id).await.body, "1");

    let mut websocket = engine.open_websocket().await;
    for _ in 0..3 {
        assert_eq!(websocket.text().await, "2");
        sleep(Duration::from_millis(150)).await;
        websocket.send("4late").await;
        assert_eq!(websocket.text().await, "4late");
        sleep(Duration::from_millis(150)).await;
        websocket.send("3").await;
    }
}
