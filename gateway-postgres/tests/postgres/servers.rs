//! Whole servers with their clients, and an emitter beside them.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::StartError;
use gateway_core::extract::Args;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use gateway_postgres::{Emitter, Postgres};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::support::{Database, database_of_its_own};

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.join("general").await?)
    }

    #[subscribe("post")]
    fn post(&self, socket: Socket, Args((text, file)): Args<(String, Bytes)>) {
        socket.to("general").emit("posted", &Args((text, file)));
    }

    #[on_server_event("load")]
    fn load(&self, Data(factor): Data<u32>) -> u32 {
        factor * 7
    }
}

async fn server(database: &Database) -> TestServer {
    let engine = Postgres::connect(&database.url).await.unwrap();
    Server::new().cluster(engine).test().await.unwrap()
}

/// Two servers that know each other, and a client at each.
async fn pair(database: &Database) -> ((TestServer, TestClient), (TestServer, TestClient)) {
    let (one, other) = (server(database).await, server(database).await);
    let both = async {
        while one.of("/chat").node_count().await != Some(2) || other.of("/chat").node_count().await != Some(2) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), both).await.unwrap();
    let ann = one.connect("/chat").await.unwrap();
    let bob = other.connect("/chat").socket_io().await.unwrap();
    ((one, ann), (other, bob))
}

#[tokio::test]
async fn clients_of_two_servers_are_in_one_room() {
    let database = database_of_its_own!();
    let ((one, mut ann), (other, mut bob)) = pair(&database).await;
    let large = "x".repeat(20_000);
    for text in ["hello", &large] {
        ann.emit("post", Args((text, Bytes::from_static(&[1, 2])))).await;
        assert_eq!(bob.expect_named("posted").await, json!([text, "AQI="]));
    }
    other.of("/chat").to("general").except("nobody").emit("news", &1);
    assert_eq!((ann.expect_named("news").await, bob.expect_named("news").await), (json!(1), json!(1)));
    let sockets = one.of("/chat").fetch_sockets().await;
    assert!(sockets.is_complete() && sockets.len() == 2, "{sockets:?}");
    let rooms = one.of("/chat").all_rooms().await;
    assert!(rooms.contains(&("general".to_owned(), 2)), "{rooms:?}");
    let loads = one.of("/chat").server_side_emit_with_ack::<u32>("load", &6).await;
    assert_eq!(loads.arrived().collect::<Vec<_>>(), [&42]);
    let question = one.of("/chat").to("general").emit_with_ack::<Value>("ready", &());
    let answering = async {
        for client in [&mut ann, &mut bob] {
            let (ask, _) = client.expect_question("ready").await;
            client.answer(ask, "yes").await;
        }
    };
    let (answers, ()) = tokio::join!(question, answering);
    assert_eq!(answers.arrived().collect::<Vec<_>>(), [&json!("yes"), &json!("yes")]);
    let emitter = Emitter::connect(&database.url).await.unwrap().of("/chat");
    emitter.to("general").emit("job", &"done").await.unwrap();
    assert_eq!((ann.expect_named("job").await, bob.expect_named("job").await), (json!("done"), json!("done")));
    emitter.all().disconnect().await.unwrap();
    ann.closed().await;
    bob.closed().await;
}

#[tokio::test]
async fn a_server_that_stops_is_asked_no_more() {
    let database = database_of_its_own!();
    let ((one, _ann), (other, bob)) = pair(&database).await;
    drop(bob);
    other.stop().await;
    let sockets = one.of("/chat").fetch_sockets().await;
    assert!(sockets.is_complete() && sockets.len() == 1, "{sockets:?}");
}

#[tokio::test]
async fn a_database_that_is_away_or_a_namespace_with_too_long_a_name_stops_the_start() {
    let database = database_of_its_own!();
    let engine = Postgres::builder("host=/nonexistent user=test").build().unwrap();
    let error = Server::new().cluster(engine).test().await.unwrap_err();
    assert!(matches!(error, StartError::Cluster { .. }), "{error}");
    // The prefix leaves four bytes to the namespace.
    let builder = Postgres::builder(&database.url).channel_prefix("p".repeat(58));
    let error = Server::new().cluster(builder.build().unwrap()).test().await.unwrap_err().to_string();
    assert!(error.contains("/chat") && error.contains("63 bytes"), "{error}");
}
