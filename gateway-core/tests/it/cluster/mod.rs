//! Two servers that share their rooms over an engine in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod failures;
mod faults;
mod property;
mod recovery;
mod recovery_property;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, EngineState, EventPacket, MessageBody,
    MessageReceiver, NodeId, Published, Received, Selector,
};
use gateway_core::extract::RawArgs;
use gateway_core::prelude::*;
use gateway_core::testing::{self, MemoryBus, MemoryEngine, TestServer};
use gateway_core::{Disconnect, RequestError, SendError, ServerHandle};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

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
    fn publish(&self, socket: Socket, Data(data): Data<Value>) {
        socket.set_data(&data).unwrap();
    }

    #[on_server_event("note")]
    fn note(&self, namespace: Namespace, Data(text): Data<String>) {
        namespace.local().emit("noted", &text);
    }

    #[on_server_event("double")]
    async fn double(&self, handle: State<ServerHandle>, Data(number): Data<u32>) -> Result<u32, Exception> {
        assert!(handle.is_ready());
        tokio::time::sleep(Duration::from_millis(u64::from(number % 100))).await;
        number.checked_mul(2).ok_or_else(|| Exception::new("too_large", "too large"))
    }

    #[on_server_event]
    fn fails(&self) {
        panic!("a test");
    }

    #[on_server_event("never")]
    async fn never(&self) {
        std::future::pending::<()>().await;
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
    bus: MemoryBus,
}

async fn node(bus: &MemoryBus) -> Node {
    node_with(bus, bus.engine()).await
}

async fn node_with(bus: &MemoryBus, engine: MemoryEngine) -> Node {
    let engine = Arc::new(engine);
    let server = Server::empty().gateway::<Chat>().cluster(Arc::clone(&engine)).test().await.unwrap();
    Node { server, engine, bus: bus.clone() }
}

async fn nodes() -> (Node, Node) {
    let bus = MemoryBus::new();
    (node(&bus).await, node(&bus).await)
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
    let (one, other) =
        (node_with(&bus, bus.engine().routing_rooms()).await, node_with(&bus, bus.engine().routing_rooms()).await);
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

#[tokio::test(start_paused = true)]
async fn the_sockets_of_all_nodes_are_fetched() {
    let (one, other) = nodes().await;
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").header("x-from", "bob").header("cookie", "secret").await.unwrap();
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    bob.emit_with_ack::<()>("publish", json!({"name": "bob"})).await.unwrap();
    let namespace = one.server.of("/chat");
    let all = namespace.fetch_sockets().await;
    assert_eq!((all.len(), all.is_complete(), namespace.count()), (2, true, 1));
    let in_a = namespace.to("a").fetch_sockets().await.all().unwrap();
    let [remote] = in_a.as_slice() else { panic!("{in_a:?}") };
    assert_eq!((&remote.data, &remote.handshake.headers), (&json!({"name": "bob"}), &json!({"x-from": "bob"})));
    assert!(remote.is_in("a") && remote.is_in(&remote.id) && remote.user().is_none());
    assert_eq!(namespace.all_rooms().await.into_vec(), [("a".to_owned(), 1)]);
    assert_eq!(namespace.all_users().await.into_vec(), []);
    assert_eq!(namespace.local().fetch_sockets().await.len(), 1);
    let count = other.server.of("/chat").count_all().await;
    assert_eq!((count.count, count.is_complete), (2, true));
    namespace.to(&remote.id).emit("you", &1);
    assert_eq!(bob.expect_named("you").await, json!(1));
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_sockets_of_all_nodes_answer_a_question() {
    let (one, other) = nodes().await;
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").socket_io().await.unwrap();
    let mut cid = other.server.connect("/chat").await.unwrap();
    let namespace = one.server.of("/chat");
    let asking = tokio::spawn(async move { namespace.emit_with_ack::<u8>("vote", "now").await });
    for (client, vote) in [(&mut ann, 1), (&mut bob, 2)] {
        let (ask, data) = client.expect_question("vote").await;
        assert_eq!(data, json!("now"));
        client.answer(ask, vote).await;
    }
    // The third does not answer.
    cid.expect_question("vote").await;
    let votes = asking.await.unwrap();
    assert_eq!((votes.len(), votes.is_complete(), votes.iter().count(), votes.remote().count()), (3, true, 1, 2));
    let mut arrived: Vec<u8> = votes.arrived().copied().collect();
    arrived.sort_unstable();
    assert_eq!(arrived, [1, 2]);
    assert!(votes.all().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_question_says_that_a_node_has_not_answered() {
    let (one, other) = nodes().await;
    let _ann = one.server.connect("/chat").await.unwrap();
    let _bob = other.server.connect("/chat").await.unwrap();
    // A node that is counted and hears nothing.
    let silent = MemoryBus::clone(&one.bus).engine();
    silent.start(ClusterNode::new(Arc::new(Deaf))).await.unwrap();
    silent.enter_namespace(&"/chat".into()).await;
    let namespace = one.server.of("/chat");
    let begin = tokio::time::Instant::now();
    let sockets = namespace.fetch_sockets().await;
    assert_eq!((sockets.len(), sockets.missing_nodes()), (2, Some(1)));
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    let asking = tokio::spawn({
        let namespace = namespace.clone();
        async move { namespace.fetch_sockets().await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    silent.stop().await;
    assert!(asking.await.unwrap().is_complete(), "it has left and is not awaited");
    assert_eq!(begin.elapsed(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_routes_by_socket_knows_every_socket() {
    let bus = MemoryBus::new();
    let engine = || bus.engine().routing_sockets();
    let (one, other) = (node_with(&bus, engine()).await, node_with(&bus, engine()).await);
    let mut bob = other.server.connect("/chat").await.unwrap();
    let mut cid = other.server.connect("/chat").await.unwrap();
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    let sockets = one.server.of("/chat").to("a").fetch_sockets().await;
    assert!(other.engine.entered()["/chat"].contains(&*sockets[0].id), "{:?}", other.engine.entered());
    one.server.of("/chat").to(&sockets[0].id).emit("you", &1);
    assert_eq!(bob.expect_named("you").await, json!(1));
    bob.close().await;
    cid.expect_nothing().await;
    assert_eq!(other.engine.entered()["/chat"].len(), 1, "{:?}", other.engine.entered());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_by_room_delivers_to_the_servers_with_members() {
    let cluster = testing::cluster_by_room(2, gateway_core::Server::gateway::<Chat>).await.unwrap();
    let mut ann = cluster.node(0).connect("/chat").await.unwrap();
    let mut bob = cluster.node(1).connect("/chat").await.unwrap();
    bob.emit_with_ack::<()>("join", "a").await.unwrap();
    ann.emit_with_ack::<usize>("say", &("a", "hi")).await.unwrap();
    assert_eq!(bob.expect_named("said").await, json!("hi"));
}

#[tokio::test]
async fn what_arrives_together_leaves_in_one_write_and_volatile_events_are_no_victims() {
    let bus = MemoryBus::new();
    let engine = Arc::new(KeptNode { engine: bus.engine(), node: OnceLock::new() });
    let server = Server::empty().gateway::<Chat>().cluster(Arc::clone(&engine)).start("127.0.0.1:0").await.unwrap();
    let mut client = tcp_client(server.local_addr().as_tcp().unwrap()).await;
    let node = engine.node.get().unwrap();
    let receive = |event: &str, is_volatile: bool| {
        let mut to = Selector::default();
        to.flags.volatile = is_volatile;
        let packet = EventPacket { event: event.to_owned(), args: RawArgs::default() };
        let message = ClusterMessage { namespace: "/chat".into(), body: MessageBody::Broadcast { packet, to } };
        node.receive(Received { from: None, message, offset: None });
    };
    node.receive_together(|| {
        receive("one", false);
        receive("two", false);
        assert_eq!(arrived(&mut client), "", "they wait for the others");
        receive("three", true);
        let before = arrived(&mut client);
        assert!(before.contains("one") && before.contains("two") && !before.contains("three"), "{before}");
    });
    assert!(arrived(&mut client).contains("three"));
    server.stop().await;
}

/// A client of the plain protocol that is in the namespace `/chat`.
async fn tcp_client(address: SocketAddr) -> std::net::TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // A text frame with a mask of zeros (RFC 6455 §5.2).
    let question = br#"{"event":"rooms","id":1}"#;
    let header = [0x81, 0x80 | u8::try_from(question.len()).unwrap(), 0, 0, 0, 0];
    stream.write_all(&[header.as_slice(), question].concat()).await.unwrap();
    let mut read = String::new();
    while !read.contains(r#""id":1"#) {
        let mut buffer = [0; 1024];
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "{read}");
        read += &String::from_utf8_lossy(&buffer[..length]);
    }
    stream.into_std().unwrap()
}

/// All that has arrived.
fn arrived(client: &mut std::net::TcpStream) -> String {
    let mut buffer = [0; 4096];
    match std::io::Read::read(client, &mut buffer) {
        Ok(length) => String::from_utf8_lossy(&buffer[..length]).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => String::new(),
        Err(error) => panic!("{error}"),
    }
}

/// An engine that shows the framework's side.
#[derive(Debug)]
struct KeptNode {
    engine: MemoryEngine,
    node: OnceLock<ClusterNode>,
}

impl Engine for KeptNode {
    fn name(&self) -> &'static str {
        "kept"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        self.node.set(node.clone()).unwrap();
        self.engine.start(node)
    }

    fn node_id(&self) -> &NodeId {
        self.engine.node_id()
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        self.engine.enter_namespace(namespace)
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        self.engine.exit_namespace(namespace)
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        self.engine.publish(messages)
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        self.engine.census(namespace)
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        self.engine.stop()
    }
}

/// A node that handles nothing.
struct Deaf;

impl MessageReceiver for Deaf {
    fn receive(&self, _: Received) {}
    fn ignore(&self, _: &str) {}
    fn state_changed(&self, _: EngineState) {}
    fn node_left(&self, _: &NodeId) {}
    fn node_left_namespace(&self, _: &NodeId, _: &str) {}

    fn count_bytes(&self, _: usize, _: usize) {}
}

#[tokio::test(start_paused = true)]
async fn an_event_reaches_the_methods_of_the_other_servers() {
    let (one, other) = nodes().await;
    let mut ann = one.server.connect("/chat").await.unwrap();
    let mut bob = other.server.connect("/chat").await.unwrap();
    let namespace = one.server.of("/chat");
    assert_eq!(namespace.server_side_emit("note", "hi"), Ok(()));
    assert_eq!(bob.expect_named("noted").await, json!("hi"));
    ann.expect_nothing().await;
    assert_eq!(namespace.server_side_emit("nobody listens", &1), Ok(()));
    assert_eq!(namespace.server_side_emit("connection", &1), Err(SendError::Reserved));
    assert_eq!(namespace.node_count().await, Some(2));
}

#[tokio::test(start_paused = true)]
async fn every_server_answers_an_event_once() {
    let bus = MemoryBus::new();
    let (one, _two, _three) = (node(&bus).await, node(&bus).await, node(&bus).await);
    let namespace = one.server.of("/chat");
    let answers = namespace.server_side_emit_with_ack::<u32>("double", &21).await;
    assert_eq!((answers.arrived().copied().collect::<Vec<_>>(), answers.is_complete()), (vec![42, 42], true));
    assert_eq!(answers.all().unwrap(), [42, 42]);
    let failed = namespace.server_side_emit_with_ack::<Value>("double", &u32::MAX).timeout(Duration::MAX).await;
    assert!(failed.arrived().all(|answer| answer["code"] == "too_large"), "{failed:?}");
    let panicked = namespace.server_side_emit_with_ack::<Value>("fails", &()).await;
    assert!(panicked.arrived().all(|answer| answer["code"] == "internal"), "{panicked:?}");
    let unreadable = namespace.server_side_emit_with_ack::<Value>("double", "many").await;
    assert!(unreadable.arrived().all(|answer| answer["code"] == "unreadable"), "{unreadable:?}");
    let nothing = namespace.server_side_emit_with_ack::<Option<u8>>("nobody listens", &()).await;
    assert_eq!((nothing.remote().count(), nothing.is_complete()), (2, true));
    let late = namespace.server_side_emit_with_ack::<u32>("never", &()).timeout(Duration::from_secs(1)).await;
    assert_eq!((late.len(), late.missing_nodes()), (0, Some(2)));
    let unserializable = std::collections::HashMap::from([((1, 2), 3)]);
    let unsent = namespace.server_side_emit_with_ack::<u32>("double", &unserializable).await;
    assert!(matches!(unsent.remote().next(), Some(Err(RequestError::Unserializable))), "{unsent:?}");
}
