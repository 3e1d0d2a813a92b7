//! An engine that is away, slow, or handed too much.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::SendError;
use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, ClusterOptions, Engine, EngineAbsence, EngineError, EngineFuture, EngineState,
    EventPacket, MessageBody, NodeId, Published, Received, Selector,
};
use gateway_core::extract::RawArgs;
use gateway_core::prelude::*;
use gateway_core::testing::{ConnectError, MemoryBus, TestServer};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::Chat;

/// An engine that does what a test says. It has no other node.
#[derive(Debug)]
struct Scripted {
    id: NodeId,
    state: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    node: Option<ClusterNode>,
    published: Vec<ClusterMessage>,
    is_away: bool,
    /// Number of messages that the next attempt publishes before it fails.
    fails_after: Option<usize>,
    /// Number of attempts to start that fail.
    failing_starts: usize,
    /// The engine can carry no message.
    carries_nothing: bool,
    /// `enter_rooms` never completes.
    never_enters: bool,
}

impl Scripted {
    fn new(script: Script) -> Arc<Self> {
        Arc::new(Self { id: NodeId::new("scripted"), state: Mutex::new(script) })
    }

    fn node(&self) -> ClusterNode {
        self.state.lock().unwrap().node.clone().unwrap()
    }

    fn lose(&self) {
        self.state.lock().unwrap().is_away = true;
        self.node().state_changed(EngineState::Lost { reason: "a test".to_owned() });
    }

    fn come_back(&self) {
        self.state.lock().unwrap().is_away = false;
        self.node().state_changed(EngineState::Connected);
    }

    /// The first arguments of the published events.
    fn published(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        let packets = state.published.iter().filter_map(|message| match &message.body {
            MessageBody::Broadcast { packet, .. } | MessageBody::ServerEvent(packet) => Some(packet),
            _ => None,
        });
        packets.map(|packet| packet.args.read(0).unwrap()).collect()
    }
}

fn away() -> EngineError {
    EngineError::new("nobody is there")
}

impl Engine for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn address(&self) -> String {
        "nowhere:1".to_owned()
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        let mut state = self.state.lock().unwrap();
        state.node = Some(node);
        let fails = state.failing_starts > 0;
        state.failing_starts = state.failing_starts.saturating_sub(1);
        Box::pin(async move { if fails { Err(away()) } else { Ok(()) } })
    }

    fn node_id(&self) -> &NodeId {
        &self.id
    }

    fn check_namespace(&self, namespace: &str) -> Result<(), EngineError> {
        if namespace.len() > 20 { Err(EngineError::new("at most 20 characters")) } else { Ok(()) }
    }

    fn enter_namespace<'a>(&'a self, _: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(async {})
    }

    fn exit_namespace<'a>(&'a self, _: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(async {})
    }

    fn routes_rooms(&self) -> bool {
        true
    }

    fn enter_rooms<'a>(&'a self, _: &'a Arc<str>, _: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        let never = self.state.lock().unwrap().never_enters;
        Box::pin(async move {
            if never {
                std::future::pending::<()>().await;
            }
        })
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        let mut state = self.state.lock().unwrap();
        let count = match (state.is_away, state.fails_after.take()) {
            (true, _) => Some(0),
            (false, fails_after) => fails_after,
        };
        let done = count.unwrap_or(messages.len()).min(messages.len());
        state.published.extend_from_slice(&messages[..done]);
        let outcome = match count {
            None if state.carries_nothing => Ok(messages.iter().map(|_| Published::too_large()).collect()),
            None => Ok(messages.iter().map(|_| Published::without_offset()).collect()),
            Some(count) => Err(away().after_publishing(count)),
        };
        Box::pin(async move { outcome })
    }

    fn census<'a>(&'a self, _: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        let is_away = self.state.lock().unwrap().is_away;
        Box::pin(async move { if is_away { Err(away()) } else { Ok(Census::Nodes(HashSet::new())) } })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        Box::pin(async {})
    }
}

async fn server(engine: &Arc<Scripted>, options: ClusterOptions) -> TestServer {
    let server = Server::empty().gateway::<Chat>().cluster(Arc::clone(engine)).cluster_options(options);
    server.test().await.unwrap()
}

fn metric(server: &TestServer, name: &str, label: (&str, &str)) -> f64 {
    let labels = [label];
    server.handle().metrics().value(name, if label.0.is_empty() { &[] } else { &labels })
}

pub(super) fn dropped(server: &TestServer, reason: &str) -> f64 {
    metric(server, "gateway_cluster_dropped_total", ("reason", reason))
}

/// Lets the cluster's tasks run.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn messages_wait_for_an_engine_that_is_away_in_their_order() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new()).await;
    let namespace = server.of("/chat");
    let mut ann = server.connect("/chat").await.unwrap();
    engine.lose();
    assert!(server.handle().is_degraded() && server.handle().is_ready());
    for number in 0..5 {
        assert!(!namespace.emit("n", &number).not_published);
        assert_eq!(ann.expect_named("n").await, json!(number), "its own clients do not wait");
    }
    settle().await;
    assert_eq!(engine.published(), [] as [Value; 0]);
    assert!(metric(&server, "gateway_cluster_queue_messages", ("", "")) > 4.5);
    // The first attempt after the return fails in the middle.
    engine.state.lock().unwrap().fails_after = Some(2);
    engine.come_back();
    sleep(Duration::from_secs(2)).await;
    namespace.emit("n", &5);
    settle().await;
    assert_eq!(engine.published(), (0..6).map(Value::from).collect::<Vec<_>>(), "each once, in order");
    assert!(!server.handle().is_degraded());
    assert!(metric(&server, "gateway_cluster_losses_total", ("", "")) > 0.5);
    assert!(metric(&server, "gateway_cluster_queue_messages", ("", "")) < 0.5);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_and_a_large_message_are_told() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new().queue_messages(2).message_bytes(1000)).await;
    let namespace = server.of("/chat");
    let mut ann = server.connect("/chat").await.unwrap();
    engine.lose();
    let sent = (0..4).map(|number| namespace.emit("n", &number)).collect::<Vec<_>>();
    assert_eq!(sent.iter().map(|sent| sent.not_published).collect::<Vec<_>>(), [false, false, true, true]);
    assert!(sent.iter().all(|sent| sent.queued == 1));
    assert_eq!(namespace.server_side_emit("note", "x"), Err(SendError::Full));
    assert!((dropped(&server, "queue_full") - 3.0).abs() < 0.1);
    engine.come_back();
    settle().await;
    let large = namespace.emit("large", &"x".repeat(1000));
    assert_eq!((large.queued, large.not_published), (1, true));
    assert!((dropped(&server, "too_large") - 1.0).abs() < 0.1);
    for _ in 0..4 {
        ann.expect_named("n").await;
    }
    assert_eq!(ann.expect_named("large").await, json!("x".repeat(1000)), "only its way to others is closed");
    assert!(!namespace.emit("n", &4).not_published);
    settle().await;
    assert_eq!(engine.published(), [0, 1, 4].map(Value::from));
}

#[tokio::test(start_paused = true)]
async fn a_start_without_the_engine_fails_waits_or_goes_on_alone() {
    let unreachable = |failing_starts| Scripted::new(Script { failing_starts, ..Script::default() });
    let engine = unreachable(1);
    let failed = Server::empty().gateway::<Chat>().cluster(Arc::clone(&engine)).test().await.unwrap_err();
    let text = "cannot reach the cluster's engine, scripted at nowhere:1: nobody is there";
    assert_eq!(failed.to_string(), text);

    let begin = Instant::now();
    let waited = server(&unreachable(5), ClusterOptions::new().at_start(EngineAbsence::Wait)).await;
    assert!(begin.elapsed() > Duration::from_secs(1) && !waited.handle().is_degraded());

    let engine = unreachable(5);
    let begin = Instant::now();
    let alone = server(&engine, ClusterOptions::new().at_start(EngineAbsence::StartAlone)).await;
    assert!(begin.elapsed() < Duration::from_millis(50) && alone.handle().is_degraded());
    alone.of("/chat").emit("early", &1);
    assert_eq!(alone.of("/chat").fetch_sockets().await.missing_nodes(), Some(0), "the engine counts nobody");
    sleep(Duration::from_secs(20)).await;
    assert!(!alone.handle().is_degraded());
    assert_eq!(engine.published(), [json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_the_engine_cannot_carry_stops_the_start() {
    #[gateway(namespace = "/a-name-that-is-too-long")]
    struct Long;

    #[gateway]
    impl Long {
        #[subscribe]
        fn hello(&self) {}
    }

    let engine = Scripted::new(Script::default());
    let failed = Server::empty().gateway::<Long>().cluster(engine).test().await.unwrap_err().to_string();
    assert!(failed.contains("`/a-name-that-is-too-long` cannot be served in a cluster on scripted"), "{failed}");
}

#[gateway(namespace = "/of/{name}")]
struct Named;

#[gateway]
impl Named {
    #[subscribe]
    fn hello(&self) {}
}

#[tokio::test(start_paused = true)]
async fn a_client_of_a_namespace_that_the_engine_cannot_carry_is_refused() {
    let engine = Scripted::new(Script::default());
    let server = Server::empty().gateway::<Named>().cluster(engine).test().await.unwrap();
    let refused = server.connect("/of/a-name-that-is-too-long").await.unwrap_err();
    let ConnectError::Refused(failure, _) = refused else { panic!("{refused:?}") };
    assert_eq!(failure.code(), Some("invalid_namespace"));
    let mut ann = server.connect("/of/short").await.unwrap();
    ann.emit_with_ack::<()>("hello", ()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_engine_cannot_carry_is_counted_and_not_tried_again() {
    let engine = Scripted::new(Script { carries_nothing: true, ..Script::default() });
    let server = server(&engine, ClusterOptions::new()).await;
    let mut ann = server.connect("/chat").await.unwrap();
    let sent = server.of("/chat").emit("news", &1);
    assert_eq!((sent.queued, sent.not_published), (1, false), "it is known only later");
    assert_eq!(ann.expect_named("news").await, 1);
    settle().await;
    assert!((dropped(&server, "too_large") - 1.0).abs() < 0.1);
    assert_eq!(engine.published(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_question_without_the_engine_ends_at_once_and_says_so() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new()).await;
    let _ann = server.connect("/chat").await.unwrap();
    engine.lose();
    let (namespace, begin) = (server.of("/chat"), Instant::now());
    let sockets = namespace.fetch_sockets().await;
    assert_eq!((sockets.len(), sockets.is_complete(), sockets.missing_nodes()), (1, false, None));
    let answers = namespace.server_side_emit_with_ack::<u32>("double", &1).await;
    assert_eq!((answers.len(), answers.missing_nodes()), (0, None));
    assert_eq!(namespace.node_count().await, None);
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert!(metric(&server, "gateway_cluster_incomplete_requests_total", ("", "")) > 1.5);
}

#[tokio::test(start_paused = true)]
async fn a_join_does_not_wait_longer_than_its_limit_nor_for_an_engine_that_is_away() {
    let engine = Scripted::new(Script { never_enters: true, ..Script::default() });
    let server = server(&engine, ClusterOptions::new().join_timeout(Duration::from_secs(1))).await;
    let mut ann = server.connect("/chat").await.unwrap();
    let begin = Instant::now();
    ann.emit_with_ack::<()>("join", "a").await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
    engine.lose();
    ann.emit_with_ack::<()>("join", "b").await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn another_server_with_the_id_of_this_one_is_counted() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new()).await;
    let mut ann = server.connect("/chat").await.unwrap();
    for _ in 0..3 {
        engine.node().duplicate_id();
    }
    assert!((metric(&server, "gateway_cluster_duplicate_ids_total", ("", "")) - 3.0).abs() < 0.1);
    server.of("/chat").emit("news", &1);
    assert_eq!(ann.expect_named("news").await, 1, "its own clients are served");
}

#[tokio::test(start_paused = true)]
async fn an_engine_serves_one_server_at_a_time() {
    let engine = Arc::new(MemoryBus::new().engine());
    let chat = || Server::empty().gateway::<Chat>().cluster(Arc::clone(&engine));
    let first = chat().test().await.unwrap();
    let second = chat().test().await.unwrap_err().to_string();
    assert!(second.contains("the engine serves a server already"), "{second}");
    first.stop().await;
    chat().test().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn messages_that_are_none_of_the_clusters_are_ignored_and_counted() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new().message_bytes(100)).await;
    let mut ann = server.connect("/chat").await.unwrap();
    let node = engine.node();
    let broadcast = |namespace: &str, text: &str| {
        let packet = EventPacket { event: "n".to_owned(), args: RawArgs::one(text).unwrap() };
        let body = MessageBody::Broadcast { packet, to: Selector::default() };
        let message = ClusterMessage { namespace: namespace.into(), body };
        Received { from: None, message, offset: None }
    };
    node.receive(broadcast("/nowhere", "x"));
    node.receive(broadcast("/chat", &"x".repeat(200)));
    node.ignore("not a message");
    assert!((dropped(&server, "ignored") - 2.0).abs() < 0.1);
    node.receive(broadcast("/chat", "x"));
    assert_eq!(ann.expect_named("n").await, json!("x"));
    let answer = gateway_core::cluster::Answer::ClientCount(1);
    let body = MessageBody::Answer { request: "unknown".to_owned(), asker: NodeId::new("scripted"), answer };
    let message = ClusterMessage { namespace: "/chat".into(), body };
    node.receive(Received { from: None, message, offset: None });
    assert!((dropped(&server, "unknown_answer") - 1.0).abs() < 0.1);
    node.state_changed(EngineState::Gap { messages: Some(3) });
    assert!((metric(&server, "gateway_cluster_gaps_total", ("", "")) - 1.0).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_lets_go_of_its_engine() {
    let engine = Scripted::new(Script::default());
    let server = server(&engine, ClusterOptions::new()).await;
    server.of("/chat").emit("n", &1);
    server.stop().await;
    sleep(Duration::from_secs(1)).await;
    engine.state.lock().unwrap().node = None;
    assert_eq!(engine.published(), [json!(1)], "what waits is published before the end");
    assert_eq!(Arc::strong_count(&engine), 1);
}
