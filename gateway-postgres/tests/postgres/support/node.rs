//! An engine and a receiver that notes what it is given.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineState, EventPacket, MessageBody, MessageReceiver, NodeId,
    Received, Selector,
};
use gateway_core::extract::ToArgs;
use gateway_postgres::{Postgres, PostgresBuilder};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

/// Longest time for anything that is expected.
const LONGEST: Duration = Duration::from_secs(20);

/// A call of the engine.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub(crate) enum Heard {
    Message(Received),
    Ignored(String),
    State(EngineState),
    Left(NodeId),
    DuplicateId,
}

#[derive(Debug)]
struct Notes(mpsc::UnboundedSender<Heard>);

impl MessageReceiver for Notes {
    fn receive(&self, received: Received) {
        let _ = self.0.send(Heard::Message(received));
    }

    fn ignore(&self, reason: &str) {
        let _ = self.0.send(Heard::Ignored(reason.to_owned()));
    }

    fn duplicate_id(&self) {
        let _ = self.0.send(Heard::DuplicateId);
    }

    fn state_changed(&self, state: EngineState) {
        let _ = self.0.send(Heard::State(state));
    }

    fn node_left(&self, node: &NodeId) {
        let _ = self.0.send(Heard::Left(node.clone()));
    }

    fn node_left_namespace(&self, node: &NodeId, _: &str) {
        let _ = self.0.send(Heard::Left(node.clone()));
    }

    fn count_bytes(&self, _: usize, _: usize) {}
}

/// A node of a cluster.
#[derive(Debug)]
pub(crate) struct TestNode {
    pub(crate) engine: Postgres,
    pub(crate) heard: mpsc::UnboundedReceiver<Heard>,
}

impl TestNode {
    /// A node that serves these namespaces.
    pub(crate) async fn start(url: &str, namespaces: &[&str]) -> Self {
        Self::with(Postgres::builder(url), namespaces).await
    }

    pub(crate) async fn with(builder: PostgresBuilder, namespaces: &[&str]) -> Self {
        let node = Self::starting(builder.build().unwrap()).await;
        for namespace in namespaces {
            node.engine.enter_namespace(&Arc::from(*namespace)).await;
        }
        node
    }

    pub(crate) async fn starting(engine: Postgres) -> Self {
        let (node, starting) = Self::new(engine);
        node.engine.start(starting).await.unwrap();
        node
    }

    /// A node that is not started, and the handle that its engine is started with.
    pub(crate) fn new(engine: Postgres) -> (Self, ClusterNode) {
        let (notes, heard) = mpsc::unbounded_channel();
        (Self { engine, heard }, ClusterNode::new(Arc::new(Notes(notes))))
    }

    pub(crate) async fn publish(&self, message: ClusterMessage) {
        let published = self.engine.publish(&[message]).await.unwrap();
        assert!(!published[0].dropped);
    }

    /// The next call.
    pub(crate) async fn next(&mut self) -> Heard {
        timeout(LONGEST, self.heard.recv()).await.expect("in time").expect("a running engine")
    }

    /// The next call, which is a message.
    pub(crate) async fn message(&mut self) -> Received {
        match self.next().await {
            Heard::Message(received) => received,
            other => panic!("{other:?}"),
        }
    }

    /// The next call, which is a message of this node, and its body.
    pub(crate) async fn body_from(&mut self, other: &Self) -> MessageBody {
        let Received { from, message, offset } = self.message().await;
        assert_eq!((from.as_ref(), offset), (Some(other.engine.node_id()), None));
        message.body
    }

    /// Nothing was received before a message that another node sends now.
    pub(crate) async fn has_heard_nothing(&mut self, other: &Self, namespace: &str) {
        other.publish(broadcast(namespace, "end", &())).await;
        let body = self.body_from(other).await;
        assert_eq!(event(&body), "end");
    }

    /// Waits until exactly these nodes are known.
    pub(crate) async fn knows(&self, namespace: &str, nodes: &[&Self]) {
        let expected: HashSet<_> = nodes.iter().map(|node| node.engine.node_id().clone()).collect();
        self.knows_number(namespace, expected.len()).await;
        assert_eq!(self.census(namespace).await, expected);
    }

    /// Waits until so many nodes are known.
    pub(crate) async fn knows_number(&self, namespace: &str, number: usize) {
        let counted = async {
            while self.census(namespace).await.len() != number {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(LONGEST, counted).await.expect("in time");
    }

    pub(crate) async fn census(&self, namespace: &str) -> HashSet<NodeId> {
        match self.engine.census(&Arc::from(namespace)).await.unwrap() {
            Census::Nodes(nodes) => nodes,
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn broadcast(namespace: &str, event: &str, data: &(impl ToArgs + ?Sized)) -> ClusterMessage {
    let packet = EventPacket { event: event.to_owned(), args: data.to_args().unwrap() };
    ClusterMessage { namespace: namespace.into(), body: MessageBody::Broadcast { packet, to: Selector::default() } }
}

/// The name of a broadcast's event.
pub(crate) fn event(body: &MessageBody) -> &str {
    match body {
        MessageBody::Broadcast { packet, .. } => &packet.event,
        other => panic!("{other:?}"),
    }
}

/// The first argument of a broadcast, a text.
pub(crate) fn text(body: &MessageBody) -> String {
    match body {
        MessageBody::Broadcast { packet, .. } => packet.args.read(0).unwrap(),
        other => panic!("{other:?}"),
    }
}
