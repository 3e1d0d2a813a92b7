//! Two servers that share their rooms over an engine in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use gateway_core::Disconnect;
use gateway_core::cluster::Engine;
use gateway_core::prelude::*;
use gateway_core::testing::{MemoryBus, MemoryEngine, TestServer};
use serde_json::json;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn join(&self, socket: Socket, Data(room): Data<String>) -> Result<(), Exception> {
        Ok(socket.join(room).await?)
    }

    #[subscribe]
    fn say(&self, socket: Socket, Data((room, text)): Data<(String, String)>) -> usize {
        socket.to(room).emit("said", &text).queued
    }

    #[subscribe]
    fn rooms(&self, socket: Socket) -> Data<Vec<String>> {
        Data(socket.rooms())
    }
}

/// A server of the cluster, and its engine.
struct Node {
    server: TestServer,
    engine: Arc<MemoryEngine>,
}

async fn node(engine: MemoryEngine) -> Node {
    let engine = Arc::new(engine);
    let server = Server::empty().gateway::<Chat>().cluster(Arc::clone(&engine)).test().await.unwrap();
    Node { server, engine }
}

async fn nodes() -> (Node, Node) {
    let bus = MemoryBus::new();
    (node(bus.engine()).await, node(bus.engine()).await)
}

#[tokio::test(start_paused = true)]
async fn an_event_reaches_the_sockets_of_all_nodes_in_both_formats() {
    let (one, other) = nodes().await;
    let mut plain = other.server.connect("/chat").await.unwrap();
    let mut socket_io = other.server.connect("/chat").socket_io().await.unwrap();
    let sent = one.server.of("/chat").emit("news", &json!({"n": 1}));
    assert_eq!((sent.queued, sent.not_published), (0, false));
    assert_eq!(plain.expect_named("news").await, json!({"n": 1}));
    assert_eq!(socket_io.expect_named("news").await, json!({"n": 1}));
    let sent = one.server.of("/chat").local().emit("news", "here");
    assert_eq!((sent.queued, sent.not_published), (0, false));
    plain.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_room_spans_nodes_and_the_sender_is_left_out() {
    let (one, other) = nodes().await;
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").await.unwrap();
    let mut cid = other.server.connect("/chat").await.unwrap();
    for client in [&mut ann, &mut bob] {
        client.emit_with_ack::<()>("join", "a").await.unwrap();
    }
    assert_eq!(ann.emit_with_ack::<usize>("say", &("a", "hi")).await.unwrap(), 0);
    assert_eq!(bob.expect_named("said").await, json!("hi"));
    ann.expect_nothing().await;
    cid.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn sockets_of_all_nodes_join_leave_and_are_disconnected() {
    let (one, other) = nodes().await;
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").await.unwrap();
    let namespace = one.server.of("/chat");
    assert_eq!(namespace.all().join("b"), Ok(1));
    assert_eq!(ann.emit_with_ack::<Vec<String>>("rooms", ()).await.unwrap(), ["b"]);
    assert_eq!(bob.emit_with_ack::<Vec<String>>("rooms", ()).await.unwrap(), ["b"]);
    assert_eq!(namespace.to("b").leave("b"), 1);
    assert_eq!(bob.emit_with_ack::<Vec<String>>("rooms", ()).await.unwrap(), [""; 0]);
    assert_eq!(namespace.to("\0user/ann").join("\0user/bob"), Ok(0));
    namespace.all().disconnect(Disconnect::default());
    ann.closed().await;
    bob.closed().await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_routes_by_room_knows_every_room_with_a_member() {
    let bus = MemoryBus::new();
    let (one, other) = (node(bus.engine().routing_rooms()).await, node(bus.engine().routing_rooms()).await);
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").await.unwrap();
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    let entered = other.engine.entered();
    assert!(entered["/chat"].contains("a"), "the join is answered after the confirmation: {entered:?}");
    ann.emit_with_ack::<usize>("say", &("a", "hi")).await.unwrap();
    assert_eq!(bob.expect_named("said").await, json!("hi"));
    bob.close().await;
    ann.expect_nothing().await;
    assert!(other.engine.entered()["/chat"].is_empty(), "the last member has left");
    assert!(one.engine.entered()["/chat"].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stops_leaves_its_cluster() {
    let (one, other) = nodes().await;
    other.server.stop().await;
    assert!(other.engine.entered().is_empty());
    let census = one.engine.census(&"/chat".into()).await.unwrap();
    assert_eq!(format!("{census:?}"), "Nodes({})");
    assert!(!one.server.of("/chat").emit("news", &1).not_published);
}
