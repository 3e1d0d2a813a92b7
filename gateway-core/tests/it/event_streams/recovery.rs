//! Clients that come back by `Last-Event-ID`.

use std::time::Duration;

use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_core::testing::{EventStreamClient, TestServer};
use serde_json::{Value, json};

use super::serve;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        if !socket.is_recovered() {
            socket.join("general").await?;
        }
        Ok(())
    }

    #[subscribe("echo")]
    fn echo(&self, Data(value): Data<Value>) -> Value {
        value
    }

    #[subscribe("latest")]
    fn latest(&self, socket: Socket, Data(value): Data<i64>) {
        socket.emit_latest("price", "one", &value).unwrap();
    }
}

async fn chat() -> TestServer {
    serve::<Chat>(|server| server.recovery(Recovery::new().within(Duration::from_secs(30)))).await
}

async fn session(client: &mut EventStreamClient) -> Value {
    client.expect_named("gateway:session").await.data()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_comes_back_has_missed_nothing() {
    let server = chat().await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    let first = session(&mut ann).await;
    assert_eq!(first["resumed"], false);
    let everybody = || server.of("/chat").to("general");
    everybody().emit("posted", &1);
    assert_eq!(ann.expect_named("posted").await.data::<i64>(), 1);
    let seen = ann.last_event_id().to_owned();
    assert!(
        seen.is_ascii() && seen.split_once('.').is_some_and(|(key, offset)| key.len() >= 20 && offset != "0"),
        "{seen}"
    );
    everybody().emit("posted", &2);
    ann.close().await;
    everybody().emit("posted", &3);
    server.of("/chat").to(first["id"].as_str().unwrap()).emit("posted", &4);

    let mut ann = server.connect_sse("/chat").last_event_id(&seen).await.unwrap();
    let missed: Vec<i64> = {
        let mut missed = Vec::new();
        for _ in 0..3 {
            missed.push(ann.next().await.unwrap().data());
        }
        missed
    };
    assert_eq!(missed, [2, 3, 4]);
    assert_eq!(session(&mut ann).await, json!({ "id": first["id"], "resumed": true }));
    // The greeting takes the place of no event.
    assert_eq!(ann.last_event_id().split('.').next(), seen.split('.').next());
    everybody().emit("posted", &5);
    assert_eq!(ann.expect_named("posted").await.data::<i64>(), 5);
    assert_eq!(server.count(Counter::Recoveries), 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_read_no_event_yet_resumes_too() {
    let server = chat().await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    session(&mut ann).await;
    let seen = ann.last_event_id().to_owned();
    assert!(seen.ends_with(".0"), "{seen}");
    ann.close().await;
    server.of("/chat").to("general").emit("posted", &1);
    let mut ann = server.connect_sse("/chat").last_event_id(&seen).await.unwrap();
    assert_eq!(ann.expect_named("posted").await.data::<i64>(), 1);
    assert_eq!(session(&mut ann).await["resumed"], true);
}

#[tokio::test(start_paused = true)]
async fn a_client_back_before_its_loss_is_noticed_gets_later_events_once() {
    let server = chat().await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    session(&mut ann).await;
    server.of("/chat").to("general").emit("posted", &1);
    ann.expect_named("posted").await;
    let mut again = server.connect_sse("/chat").last_event_id(ann.last_event_id()).await.unwrap();
    assert_eq!(session(&mut again).await["resumed"], true);
    server.of("/chat").to("general").emit("posted", &2);
    assert_eq!(again.expect_named("posted").await.data::<i64>(), 2);
    again.expect_nothing().await;
    assert_eq!(server.of("/chat").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_unknown_or_foreign_is_a_new_client() {
    let server = chat().await;
    let mut plain = server.connect("/chat").resumable().await.unwrap();
    let lost = server.connect_sse("/chat").await.unwrap();
    for id in ["", "x", "x.1", ".", "1", "aaaaaaaaaaaaaaaaaaaaaaaa.18446744073709551616"] {
        let mut ann = server.connect_sse("/chat").last_event_id(id).await.unwrap();
        assert_eq!(session(&mut ann).await["resumed"], false, "{id}");
    }
    // Too late.
    let mut ann = server.connect_sse("/chat").await.unwrap();
    session(&mut ann).await;
    let seen = ann.last_event_id().to_owned();
    ann.close().await;
    tokio::time::sleep(Duration::from_secs(31)).await;
    let mut ann = server.connect_sse("/chat").last_event_id(&seen).await.unwrap();
    assert_eq!(session(&mut ann).await["resumed"], false);
    plain.expect_nothing().await;
    drop(lost);
}

#[tokio::test(start_paused = true)]
async fn every_event_has_an_id_and_answers_have_none() {
    let server = chat().await;
    let mut ann = server.connect_sse("/chat").await.unwrap();
    session(&mut ann).await;
    let mut ids = vec![ann.last_event_id().to_owned()];
    let mut note = |ann: &EventStreamClient| {
        let id = ann.last_event_id().to_owned();
        assert!(!ids.contains(&id), "{id} in {ids:?}");
        ids.push(id);
    };
    server.of("/chat").all().emit("posted", &1);
    ann.expect_named("posted").await;
    note(&ann);
    ann.emit("echo", 2).await;
    assert_eq!(ann.expect_named("echo").await.data::<i64>(), 2);
    note(&ann);
    ann.emit("nothing", 3).await;
    ann.expect_named("exception").await;
    note(&ann);
    ann.emit("latest", 4).await;
    ann.expect_named("price").await;
    note(&ann);
    let before = ann.last_event_id().to_owned();
    assert_eq!(ann.emit_with_ack::<i64>("echo", 5).await, Ok(5));
    server.of("/chat").all().volatile().emit("cursor", &1);
    ann.expect_named("cursor").await;
    assert_eq!(ann.last_event_id(), before);
}
