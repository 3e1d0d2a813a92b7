//! Clients that end their half of the connection, as `nc -N` does at the end of its input.

use std::time::Duration;

use gateway_core::limits::Limits;
use serde_json::json;
use tokio::time::Instant;

use super::{Wire, start};

#[tokio::test(start_paused = true)]
async fn everything_that_was_said_before_is_answered() {
    let (server, ends) = start(|server| server).await;
    let mut wire = Wire::open(&server);
    wire.write("{\"connect\":\"/room/late\"}\n").await;
    for id in 1..=3 {
        wire.write(&format!("{{\"event\":\"echo\",\"data\":{id},\"id\":{id}}}\n")).await;
    }
    wire.write("{\"event\":\"slowly\",\"data\":4,\"id\":4}\n{\"event\":\"count\",\"data\":2,\"id\":5}\n").await;
    // The last line has no end.
    wire.write("{\"event\":\"echo\",\"data\":6,\"id\":6}").await;
    wire.finish().await;
    assert_eq!(wire.json().await["session"]["resumed"], false);
    for id in 1..=3 {
        assert_eq!(wire.json().await, json!({"event": "echo", "data": id, "id": id}));
    }
    assert_eq!(wire.json().await, json!({"event": "slowly", "data": 4, "id": 4}));
    let mut rest: Vec<String> = wire.rest().await.lines().map(str::to_owned).collect();
    rest.sort();
    let expected = [
        r#"{"event":"count","data":0,"id":5,"more":true}"#,
        r#"{"event":"count","data":1,"id":5,"more":true}"#,
        r#"{"event":"count","id":5,"end":true}"#,
        r#"{"event":"echo","data":6,"id":6}"#,
    ];
    assert_eq!(rest, expected);
    server.stop().await;
    assert_eq!(ends.all(), ["the client ended its half of the connection (1006)"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_line_may_be_all_that_comes() {
    let (server, ends) = start(|server| server).await;
    for end in ["", "\n", "\r\n"] {
        let mut wire = Wire::open(&server);
        wire.write(&format!("{{\"connect\":\"/room/a\"}}{end}")).await;
        wire.finish().await;
        assert_eq!(wire.json().await["session"]["resumed"], false);
        assert_eq!(wire.rest().await, "");
    }
    server.stop().await;
    assert_eq!(ends.all().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_handler_without_an_end_is_waited_for_within_a_bound() {
    let (server, _) = start(|server| server.limits(Limits::new().drain_timeout(Duration::from_secs(7)))).await;
    for event in ["forever", "count"] {
        let mut wire = Wire::enter(&server, "a").await;
        wire.write(&format!("{{\"event\":\"{event}\",\"data\":1000000,\"id\":1}}\n")).await;
        wire.finish().await;
        let began = Instant::now();
        wire.rest().await;
        let took = began.elapsed();
        assert!((Duration::from_secs(7)..Duration::from_secs(8)).contains(&took), "{event} {took:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_to_a_client_that_cannot_answer_fails_at_once() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"event\":\"ask\",\"id\":1}\n").await;
    assert_eq!(wire.json().await["ask"], 0);
    let began = Instant::now();
    wire.finish().await;
    let answer = wire.json().await;
    assert_eq!((&answer["event"], &answer["data"]["code"]), (&json!("exception"), &json!("asked")), "{answer}");
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_and_goes_is_no_rejection() {
    let (server, _) = start(|server| server).await;
    for said in ["", "\n", "\r\n \n"] {
        let mut wire = Wire::open(&server);
        wire.write(said).await;
        wire.finish().await;
        assert_eq!(wire.rest().await, "");
    }
    assert_eq!(server.count(gateway_core::metrics::Counter::RejectedHandshakes), 0);
}
