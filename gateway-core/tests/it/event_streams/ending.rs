//! The last event of a stream, which says whether to come back and when.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::Drain;
use gateway_core::{CloseCode, Disconnect};
use serde_json::{Value, json};

use super::serve;

#[gateway(namespace = "/hall")]
struct Hall;

#[gateway]
impl Hall {
    #[subscribe("leave")]
    fn leave(&self, socket: Socket) {
        socket.disconnect(Disconnect::new(CloseCode::new(4600), "bye"));
    }

    #[subscribe("work")]
    async fn work(&self) -> u64 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        1
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_says_when_to_come_back() {
    let drain = Drain::new().retry_within(Duration::from_secs(5)).close_code(CloseCode::SERVICE_RESTART);
    let server = serve::<Hall>(|server| server.drain(drain)).await;
    let mut ann = server.connect_sse("/hall").await.unwrap();
    let working = tokio::spawn(ann.begin_post(r#"{"event":"work","id":1}"#));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let stopping = tokio::spawn(server.stop());
    let close = ann.expect_named("gateway:close").await.data::<Value>();
    assert_eq!((&close["code"], &close["reconnect"]), (&json!(1012), &json!(true)));
    let retry = ann.retry().unwrap();
    assert_eq!(close["reason"], format!("service restart, retry after {} ms", retry.as_millis()));
    assert!(retry < Duration::from_secs(5));
    assert_eq!(ann.next().await, None);
    // What was accepted is answered first.
    assert_eq!(working.await.unwrap().status(), 200);
    stopping.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_sent_away_is_asked_not_to_come_back_soon() {
    let server = serve::<Hall>(|server| server).await;
    let mut ann = server.connect_sse("/hall").await.unwrap();
    ann.post(r#"{"event":"leave"}"#).await;
    let close = ann.expect_named("gateway:close").await.data::<Value>();
    assert_eq!(close, json!({ "code": 4600, "reason": "bye", "reconnect": false }));
    assert_eq!(ann.retry(), Some(Duration::from_hours(24)));
    assert_eq!(ann.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_with_its_lifetime() {
    let limits = Limits::new().connection_lifetime(Duration::from_mins(1));
    let server = serve::<Hall>(|server| server.limits(limits)).await;
    let mut ann = server.connect_sse("/hall").await.unwrap();
    tokio::time::sleep(Duration::from_secs(100)).await;
    let close = ann.expect_named("gateway:close").await.data::<Value>();
    assert_eq!((&close["code"], &close["reconnect"]), (&json!(4003), &json!(true)));
    assert_eq!(ann.retry(), Some(Duration::from_secs(3)));
}
