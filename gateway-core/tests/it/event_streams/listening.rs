//! What a stream begins with, and events on it.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::prelude::*;
use gateway_core::serve::ServerSentEvents;
use serde_json::{Value, json};

use super::serve;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("general").await?)
    }

    #[subscribe("say")]
    fn say(&self, socket: Socket, Data(text): Data<String>) -> usize {
        socket.to("general").emit("posted", &text).queued
    }

    #[subscribe("named")]
    fn named(&self, socket: Socket, Data(name): Data<String>) {
        socket.emit(&name, &1).unwrap();
    }

    #[subscribe("bytes")]
    fn bytes(&self, socket: Socket) {
        socket.emit("bytes", &gateway_core::extract::Binary::from(Bytes::from_static(b"hi"))).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_at_once_with_its_pause_and_its_id() {
    let server =
        serve::<Chat>(|server| server.server_sent_events(ServerSentEvents::new().retry(Duration::from_millis(700))))
            .await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    assert_eq!(ann.retry(), Some(Duration::from_millis(700)));
    assert_eq!(ann.stream().len(), 24);
    assert_eq!(ann.last_event_id(), "");
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn all_kinds_of_clients_hear_each_other_in_a_room() {
    let server = serve::<Chat>(|server| server).await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    let mut bob = server.connect("/chat").await.unwrap();
    let mut cem = server.connect("/chat").socket_io().await.unwrap();

    assert_eq!(ann.emit_with_ack::<usize>("say", "from ann").await, Ok(2));
    assert_eq!(bob.expect_named("posted").await, "from ann");
    assert_eq!(cem.expect_named("posted").await, "from ann");
    ann.expect_nothing().await;

    assert_eq!(bob.emit_with_ack::<usize>("say", "from bob").await, Ok(2));
    let posted = ann.expect_named("posted").await;
    assert_eq!((posted.text(), posted.last_event_id()), ("\"from bob\"", ""));
    let sent: Vec<_> = (0..50).collect();
    for number in &sent {
        server.of("/chat").to("general").emit("count", number);
    }
    let mut heard = Vec::new();
    for _ in &sent {
        heard.push(ann.expect_named("count").await.data::<i32>());
    }
    assert_eq!(heard, sent);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_cannot_stand_in_a_line_stands_in_the_data() {
    let server = serve::<Chat>(|server| server).await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    for name in ["two\nlines", "error", "open", "gateway:close", "\r"] {
        ann.emit("named", name).await;
        let event = ann.next().await.unwrap();
        assert_eq!((event.name(), event.data::<Value>()), ("gateway:event", json!({ "event": name, "data": 1 })));
    }
    ann.emit("named", "plain").await;
    assert_eq!(ann.next().await.unwrap().name(), "plain");
}

#[tokio::test(start_paused = true)]
async fn bytes_are_base64_as_on_plain_websocket() {
    let server = serve::<Chat>(|server| server).await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    let mut bob = server.connect("/chat").await.unwrap();
    ann.emit("bytes", json!(null)).await;
    bob.emit("bytes", json!(null)).await;
    let expected = bob.expect_named("bytes").await;
    assert_eq!(expected, json!("aGk="));
    assert_eq!(ann.expect_named("bytes").await.data::<Value>(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_kept_alive_by_comments_and_needs_no_answer() {
    let server = serve::<Chat>(|server| server).await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    // Longer than a plain client may be silent.
    tokio::time::sleep(Duration::from_mins(10)).await;
    ann.expect_nothing().await;
    assert_eq!(ann.emit_with_ack::<usize>("say", "still here").await, Ok(0));
    server.of("/chat").all().emit("posted", "all");
    assert_eq!(ann.expect_named("posted").await.text(), "\"all\"");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_gone_at_once() {
    let server = serve::<Chat>(|server| server).await;
    let ann = server.connect_sse("/chat").await.unwrap();
    assert_eq!(server.of("/chat").count(), 1);
    ann.close().await;
    assert_eq!(server.of("/chat").count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let server = serve::<Chat>(|server| server).await;
    let ann = server.connect_sse("/chat").await.unwrap();
    // More than the body's channel holds and less than a full outbox.
    for _ in 0..3 {
        server.of("/chat").all().emit("posted", &"x".repeat(60_000));
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(server.of("/chat").count(), 0);
    drop(ann);
}

#[tokio::test(start_paused = true)]
async fn streams_have_a_metric_of_their_own() {
    let server = serve::<Chat>(|server| server).await;
    let _ann = server.connect_sse("/chat").await.unwrap();
    let _bob = server.connect("/chat").await.unwrap();
    let text = server.handle().metrics().to_string();
    for (transport, count) in [("event_stream", 1), ("websocket", 1), ("polling", 0)] {
        let line = format!("gateway_connections{{namespace=\"/chat\",transport=\"{transport}\"}} {count}\n");
        assert!(text.contains(&line), "{line}{text}");
    }
}
