//! What a client can come back from, and to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::stream::{self, Stream};
use gateway_core::Recovery;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use serde_json::{Value, json};

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self, socket: Socket) -> Result<(), Refusal> {
        Ok(socket.emit("hello", &"from the hook")?)
    }

    #[subscribe]
    fn named(&self) -> Reply {
        Reply::event("other", "by a reply")
    }

    #[subscribe]
    fn stream(&self) -> impl Stream<Item = Reply> {
        stream::iter(["one", "two"].map(|text| Reply::event("item", text)))
    }

    #[subscribe]
    fn fail(&self) -> Result<(), Exception> {
        Err(Exception::payload("by a failure"))
    }

    #[subscribe]
    fn recovered(&self, socket: Socket) -> bool {
        socket.is_recovered()
    }
}

async fn serve() -> TestServer {
    Server::empty().recovery(Recovery::default()).gateway::<Chat>().test().await.unwrap()
}

async fn connected(server: &TestServer) -> TestClient {
    let mut client = server.connect("/chat").socket_io().await.unwrap();
    assert_eq!(client.expect_named("hello").await, "from the hook");
    client
}

/// Loses the connection and comes back.
async fn back(server: &TestServer, client: TestClient) -> TestClient {
    let lost = client.lose();
    let mut client = server.connect("/chat").socket_io().come_back(&lost).await.unwrap();
    assert!(client.request::<bool>("recovered", json!(null)).await.unwrap());
    client
}

/// A client takes the last text of every event for its offset, so an event without one would end what it can come back to.
#[tokio::test(start_paused = true)]
async fn answers_that_are_events_have_an_offset_too() {
    let server = serve().await;
    let mut ann = connected(&server).await;
    ann.emit("named", json!(null)).await;
    assert_eq!(ann.expect_named("other").await, "by a reply");
    let mut ann = back(&server, ann).await;
    ann.expect_named("hello").await;
    assert_eq!(ann.request::<Value>("named", json!(null)).await.unwrap(), "by a reply");
    assert_eq!(ann.expect_named("other").await, "by a reply");
    let mut ann = back(&server, ann).await;
    ann.expect_named("hello").await;
    ann.emit("stream", json!(null)).await;
    assert_eq!((ann.expect_named("item").await, ann.expect_named("item").await), (json!("one"), json!("two")));
    let mut ann = back(&server, ann).await;
    ann.expect_named("hello").await;
    ann.emit("fail", json!(null)).await;
    assert_eq!(ann.expect_exception().await.payload(), "by a failure");
    let mut ann = back(&server, ann).await;
    ann.expect_named("hello").await;
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_broke_the_protocol_of_its_transport_is_a_loss() {
    let server = serve().await;
    let mut ann = connected(&server).await;
    // In Engine.IO 4 the server asks and the client answers.
    ann.send_text("2").await;
    let lost = ann.lose();
    tokio::time::sleep(Duration::from_secs(10)).await;
    let mut ann = server.connect("/chat").socket_io().come_back(&lost).await.unwrap();
    assert!(ann.request::<bool>("recovered", json!(null)).await.unwrap());
}
