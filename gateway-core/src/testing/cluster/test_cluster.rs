//! Servers of one process as a cluster, and what can go wrong between them.

use std::time::Duration;

use crate::gateway::StartError;
use crate::hub::cluster::Engine;
use crate::protocol::cluster::NodeId;
use crate::server::Server;
use crate::testing::TestServer;
use crate::testing::cluster::{MemoryBus, MemoryEngine};

/// Several servers in memory with one set of rooms; see [`cluster`]. Dropping it begins a stop of all servers.
///
/// Nodes are named by their number, which begins at 0. Every method that takes a number panics if there is no such node.
#[derive(Debug)]
pub struct TestCluster {
    bus: MemoryBus,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    id: NodeId,
    server: TestServer,
}

/// Starts servers in memory as one cluster. `configure` adds the gateways and options to each server, which begins as
/// [`Server::empty`] and has its engine already.
///
/// Run the test on a paused clock. Without faults a message reaches the other nodes at once, and messages of all nodes arrive
/// in the order in which they were published.
///
/// ```
/// use std::time::Duration;
///
/// use gateway_core::prelude::*;
/// use gateway_core::testing;
///
/// #[gateway(namespace = "/chat")]
/// struct Chat;
///
/// #[gateway]
/// impl Chat {
///     #[subscribe("say")]
///     fn say(&self, namespace: Namespace, Data(text): Data<String>) {
///         namespace.emit("said", &text);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let cluster = testing::cluster(3, |server| server.gateway::<Chat>()).await.unwrap();
/// let mut ann = cluster.node(0).connect("/chat").await.unwrap();
/// let mut bob = cluster.node(1).connect("/chat").await.unwrap();
/// ann.emit("say", "hi").await;
/// assert_eq!(bob.expect_named("said").await, "hi");
///
/// cluster.delay(Duration::from_millis(100));
/// cluster.kill_node(2);
/// assert!(cluster.node(0).of("/chat").fetch_sockets().await.is_complete());
/// # }
/// ```
///
/// # Errors
///
/// The [`StartError`] of the first server that cannot start.
pub async fn cluster(nodes: usize, configure: impl FnMut(Server) -> Server) -> Result<TestCluster, StartError> {
    start(MemoryBus::new(), nodes, MemoryBus::engine, configure).await
}

/// Starts servers in memory as one cluster with a log, as over Redis streams; see [`cluster`] and [`MemoryBus::with_log`]. With
/// [`Server::recovery`] clients resume on any node, also if their own was killed.
///
/// ```
/// use gateway_core::prelude::*;
/// use gateway_core::serve::Recovery;
/// use gateway_core::testing;
///
/// #[gateway(namespace = "/chat")]
/// struct Chat;
///
/// #[gateway]
/// impl Chat {
///     #[subscribe("say")]
///     fn say(&self, namespace: Namespace, Data(text): Data<String>) {
///         namespace.emit("said", &text);
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let server = |server: Server| server.gateway::<Chat>().recovery(Recovery::default());
/// let cluster = testing::cluster_with_log(2, server).await.unwrap();
/// let mut ann = cluster.node(0).connect("/chat").resumable().await.unwrap();
/// let mut bob = cluster.node(1).connect("/chat").await.unwrap();
/// bob.emit("say", "hi").await;
/// assert_eq!(ann.expect_named("said").await, "hi");
///
/// cluster.kill_node(0);
/// bob.emit("say", "are you there?").await;
/// let mut ann = cluster.node(1).connect("/chat").come_back(&ann.lose()).await.unwrap();
/// assert!(ann.is_recovered());
/// assert_eq!(ann.expect_named("said").await, "are you there?");
/// # }
/// ```
///
/// # Errors
///
/// The [`StartError`] of the first server that cannot start.
pub async fn cluster_with_log(
    nodes: usize,
    configure: impl FnMut(Server) -> Server,
) -> Result<TestCluster, StartError> {
    start(MemoryBus::with_log(), nodes, MemoryBus::engine, configure).await
}

/// Starts servers as [`cluster`] does, over an engine that routes messages for a single room to the servers with members of
/// this room, as the sharded engine of Redis does. A test shows whether a program depends on messages that reach every server.
///
/// # Errors
///
/// The [`StartError`] of the first server that cannot start.
pub async fn cluster_by_room(nodes: usize, configure: impl FnMut(Server) -> Server) -> Result<TestCluster, StartError> {
    start(MemoryBus::new(), nodes, |bus| bus.engine().routing_rooms(), configure).await
}

async fn start(
    bus: MemoryBus,
    nodes: usize,
    engine: impl Fn(&MemoryBus) -> MemoryEngine,
    mut configure: impl FnMut(Server) -> Server,
) -> Result<TestCluster, StartError> {
    let mut started = Vec::with_capacity(nodes);
    for _ in 0..nodes {
        let engine = engine(&bus);
        let id = engine.node_id().clone();
        let server = configure(Server::empty().cluster(engine)).test().await?;
        started.push(Node { id, server });
    }
    Ok(TestCluster { bus, nodes: started })
}

impl TestCluster {
    /// Returns the server with this number, to connect clients to.
    #[must_use]
    #[track_caller]
    pub fn node(&self, number: usize) -> &TestServer {
        &self.nodes[number].server
    }

    /// Lets messages between nodes take this time from now on; at first they take none. Messages keep their order, also
    /// after the time becomes shorter.
    pub fn delay(&self, delay: Duration) {
        self.bus.set_delay(delay);
    }

    /// Separates two groups of nodes. Messages between them are lost, those under way too, and neither side learns of it.
    /// Both still count each other, so a question is answered at its deadline and marked incomplete. Adds to earlier
    /// partitions until [`heal`](TestCluster::heal).
    ///
    /// As with most engines, sockets that a lost message should have moved stay in their rooms after the partition.
    #[track_caller]
    pub fn partition(&self, one: &[usize], other: &[usize]) {
        for one in one {
            for other in other {
                self.bus.cut(self.id(*one), self.id(*other));
            }
        }
    }

    /// Ends all partitions. Messages that were lost do not come back.
    pub fn heal(&self) {
        self.bus.heal();
    }

    /// Disconnects a node from its engine: what it publishes waits in the server's queue, what others publish is lost for it,
    /// and other nodes do not count it. Its own clients are served on.
    #[track_caller]
    pub fn lose_engine(&self, node: usize) {
        self.bus.lose(self.id(node));
    }

    /// Connects a node to its engine again. The node publishes what has waited, and is told of a gap if it has missed messages.
    #[track_caller]
    pub fn restore_engine(&self, node: usize) {
        self.bus.restore(self.id(node));
    }

    /// Ends a node as `kill -9` does: its connections break without a close frame, no hook runs, and the other nodes get
    /// neither a goodbye nor the answers that they wait for. Messages that have left the node still arrive.
    ///
    /// The other nodes stop counting it at once, as engines do that count subscriptions; a question that was asked before waits
    /// for its deadline. Tasks that handlers have spawned go on, since they belong to the test's process.
    #[track_caller]
    pub fn kill_node(&self, node: usize) {
        self.bus.kill(self.id(node));
        self.node(node).kill();
    }

    /// Removes every entry from the log of a cluster with one: a client that has missed an event cannot resume on another node.
    pub fn trim_log(&self) {
        self.bus.trim_log();
    }

    /// Waits until no task has work left and no message is under way between the nodes. Exact on a paused clock.
    pub async fn quiet(&self) {
        self.bus.arrived().await;
    }

    #[track_caller]
    fn id(&self, number: usize) -> &NodeId {
        &self.nodes[number].id
    }
}
