//! The [`Engine`]: the way of messages between nodes, and the format in which they travel.

use std::collections::HashSet;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::hub::cluster::recovery::RecoveryStore;
use crate::protocol::cluster::{ClusterMessage, NodeId};

/// A future of an engine's method.
pub type EngineFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way of messages between the nodes of a cluster: Redis, PostgreSQL, or an application's own.
///
/// The framework calls [`start`](Engine::start) once, before the port opens, and hands over a [`ClusterNode`]: what the
/// engine receives from other nodes goes to [`ClusterNode::receive`]. Messages to publish wait in a bounded queue of the
/// framework; one task takes them out in order and hands them to [`publish`](Engine::publish). An engine keeps no queue of
/// its own, reconnects by itself with backoff and jitter, and reports each change by [`ClusterNode::state_changed`].
pub trait Engine: fmt::Debug + Send + Sync + 'static {
    /// Name for the banner, the log and metrics, such as `redis pub/sub`.
    fn name(&self) -> &'static str;

    /// The address for messages to people, without credentials, such as `127.0.0.1:6379`. Empty if there is none.
    fn address(&self) -> String {
        String::new()
    }

    /// Connects. Returns when messages can be published and received.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine cannot be reached; `start` may be called again later. Also if the engine serves a server
    /// already: its id would be that of two nodes.
    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>>;

    /// The id of this node, random or otherwise different from those of all other nodes. Stays the same while the engine exists.
    fn node_id(&self) -> &NodeId;

    /// Returns an error if messages of this namespace cannot travel, such as for a name that is too long for a channel of the
    /// engine. Asked before the server starts for each namespace, and for a concrete namespace of a pattern before its first
    /// client is let in.
    ///
    /// # Errors
    ///
    /// [`EngineError`] whose text names the limit.
    fn check_namespace(&self, namespace: &str) -> Result<(), EngineError> {
        let _ = namespace;
        Ok(())
    }

    /// Receives the messages of this namespace from now on. Returns when the subscription is confirmed, or at once while the
    /// engine is away; it is then made when the engine is back. Called again after the namespace was given up.
    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()>;

    /// Receives no more messages of this namespace.
    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()>;

    /// Returns `true` if messages for a single room reach only the nodes that entered this room. Rooms are then reported by
    /// [`enter_rooms`](Engine::enter_rooms) and [`exit_rooms`](Engine::exit_rooms).
    fn routes_rooms(&self) -> bool {
        false
    }

    /// Returns `true` if also messages for a single socket, whose room has the name of its id, reach only the nodes that
    /// entered this room. The rooms of sockets are then reported like all others, if [`routes_rooms`](Engine::routes_rooms)
    /// is `true` too.
    fn routes_sockets(&self) -> bool {
        false
    }

    /// This node has members in these rooms from now on, in this order. Returns when the subscriptions are confirmed. A
    /// client's join is answered afterwards.
    fn enter_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        let _ = (namespace, rooms);
        Box::pin(async {})
    }

    /// This node has no members in these rooms any more.
    fn exit_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        let _ = (namespace, rooms);
        Box::pin(async {})
    }

    /// Publishes messages in this order, pipelined. Returns one [`Published`] for each.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away. The messages that were certainly not published are named by
    /// [`EngineError::published`]: all before that number count as published. They are handed over again when the engine
    /// reports [`EngineState::Connected`].
    ///
    /// # Cancel safety
    ///
    /// The future is dropped only when the server ends.
    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>>;

    /// The other nodes that serve the namespace at this moment.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>>;

    /// The store by which clients resume on another node, if the engine has one. Such an engine reports its own broadcasts by
    /// [`ClusterNode::logged`].
    fn recovery(&self) -> Option<&dyn RecoveryStore> {
        None
    }

    /// Says goodbye to the other nodes where the format can, and closes the connections.
    fn stop(&self) -> EngineFuture<'_, ()>;
}

/// A shared engine, for a test or a program that keeps a handle to it.
impl<E: Engine + ?Sized> Engine for Arc<E> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn address(&self) -> String {
        (**self).address()
    }

    fn check_namespace(&self, namespace: &str) -> Result<(), EngineError> {
        (**self).check_namespace(namespace)
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        (**self).start(node)
    }

    fn node_id(&self) -> &NodeId {
        (**self).node_id()
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        (**self).enter_namespace(namespace)
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        (**self).exit_namespace(namespace)
    }

    fn routes_rooms(&self) -> bool {
        (**self).routes_rooms()
    }

    fn routes_sockets(&self) -> bool {
        (**self).routes_sockets()
    }

    fn enter_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        (**self).enter_rooms(namespace, rooms)
    }

    fn exit_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        (**self).exit_rooms(namespace, rooms)
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        (**self).publish(messages)
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        (**self).census(namespace)
    }

    fn recovery(&self) -> Option<&dyn RecoveryStore> {
        (**self).recovery()
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        (**self).stop()
    }
}

/// Result of publishing one message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Published {
    /// Position of the message in the engine's log, if it keeps one.
    pub offset: Option<String>,
    /// The message was larger than the engine can carry and was dropped; the error is logged by the engine.
    pub dropped: bool,
}

impl Published {
    /// A message that was published without an offset.
    #[must_use]
    pub fn without_offset() -> Self {
        Self::default()
    }

    /// A message with this position in the engine's log.
    pub fn at(offset: impl Into<String>) -> Self {
        Self { offset: Some(offset.into()), dropped: false }
    }

    /// A message that the engine could not carry.
    #[must_use]
    pub fn too_large() -> Self {
        Self { offset: None, dropped: true }
    }
}

/// The other nodes that will answer a question.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Census {
    /// Number of other nodes, where the engine counts subscribers.
    Count(usize),
    /// The other nodes by id, where the engine knows them.
    Nodes(HashSet<NodeId>),
}

/// State of the connection to the engine.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum EngineState {
    /// Messages travel in both directions, and every subscription is made.
    Connected,
    /// The connection is lost; the engine tries to reconnect.
    Lost {
        /// The reason, for the log.
        reason: String,
    },
    /// The connection was lost and is back, and messages of other nodes are missing in between. Followed by `Connected`.
    Gap {
        /// Number of lost messages, if known.
        messages: Option<u64>,
    },
}

/// Failure of an engine.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    message: String,
    published: usize,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl EngineError {
    /// Creates an error with a message for the log.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), published: 0, source: None }
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Sets the number of messages of [`Engine::publish`] that were published before the failure.
    #[must_use]
    pub fn after_publishing(self, published: usize) -> Self {
        Self { published, ..self }
    }

    /// Number of messages that were published before the failure.
    #[must_use]
    pub fn published(&self) -> usize {
        self.published
    }
}

/// A message from another node.
#[derive(Clone, Debug)]
pub struct Received {
    /// The node that sent it; `None` for senders without a server, such as Socket.IO's emitters, and where the format does
    /// not say.
    pub from: Option<NodeId>,
    /// The message.
    pub message: ClusterMessage,
    /// Position of the message in the engine's log, if it keeps one.
    pub offset: Option<String>,
}

/// The receiving side of a node, implemented by the framework.
pub trait MessageReceiver: Send + Sync {
    /// Handles a message; see [`ClusterNode::receive`].
    fn receive(&self, received: Received);
    /// Handles an own entry of the log; see [`ClusterNode::logged`].
    fn logged(&self, namespace: &str, offset: &str) {
        let _ = (namespace, offset);
    }
    /// Calls a function that hands over messages which arrived together; see [`ClusterNode::receive_together`].
    fn receive_together(&self, receive: &mut dyn FnMut()) {
        receive();
    }
    /// Counts a message that could not be used; see [`ClusterNode::ignore`].
    fn ignore(&self, reason: &str);
    /// Handles that another node has the id of this one; see [`ClusterNode::duplicate_id`].
    fn duplicate_id(&self) {}
    /// Handles a change of the connection; see [`ClusterNode::state_changed`].
    fn state_changed(&self, state: EngineState);
    /// Handles the end of a node; see [`ClusterNode::node_left`].
    fn node_left(&self, node: &NodeId);
    /// Handles that a node serves a namespace no more; see [`ClusterNode::node_left_namespace`].
    fn node_left_namespace(&self, node: &NodeId, namespace: &str);
    /// Adds to the received bytes; see [`ClusterNode::count_bytes`].
    fn count_bytes(&self, received: usize, published: usize);
}

/// The framework's side of an [`Engine`]: it takes the messages of other nodes. Cheap to clone.
#[derive(Clone)]
pub struct ClusterNode(Arc<dyn MessageReceiver>);

impl ClusterNode {
    /// Creates the handle of a receiver. An engine gets one from the framework; a test of an engine makes its own.
    pub fn new(receiver: Arc<dyn MessageReceiver>) -> Self {
        Self(receiver)
    }

    /// Hands over a message of another node, in the order of arrival. Never waits. The engine drops its own messages.
    pub fn receive(&self, received: Received) {
        self.0.receive(received);
    }

    /// Reports an own [broadcast](crate::cluster::MessageBody::Broadcast) that was read back from the log, in its order among the
    /// messages of other nodes. Engines with a [`RecoveryStore`] call it for each one, also for those of namespaces that were
    /// given up: clients get events with the offsets of their entries, in the order of the log.
    pub fn logged(&self, namespace: &str, offset: &str) {
        self.0.logged(namespace, offset);
    }

    /// Calls a function that hands over messages which arrived together, by [`receive`](ClusterNode::receive). What they send
    /// to one client leaves in one write when the function returns, so it should be called with some dozen messages at most.
    pub fn receive_together(&self, receive: impl FnOnce()) {
        let mut receive = Some(receive);
        self.0.receive_together(&mut || {
            if let Some(receive) = receive.take() {
                receive();
            }
        });
    }

    /// Counts a message that is none of the cluster's: unreadable, of an unknown type, or too large.
    pub fn ignore(&self, reason: &str) {
        self.0.ignore(reason);
    }

    /// Reports that another node has the id of this one: each drops the messages of the other as its own. May be called again
    /// as long as it is so.
    pub fn duplicate_id(&self) {
        self.0.duplicate_id();
    }

    /// Reports a change of the connection to the engine.
    pub fn state_changed(&self, state: EngineState) {
        self.0.state_changed(state);
    }

    /// Reports that a node has left or died, where the engine knows. Questions no longer wait for its answer.
    pub fn node_left(&self, node: &NodeId) {
        self.0.node_left(node);
    }

    /// Reports that a node serves this namespace no more, where the engine knows. Questions in the namespace no longer wait
    /// for its answer.
    pub fn node_left_namespace(&self, node: &NodeId, namespace: &str) {
        self.0.node_left_namespace(node, namespace);
    }

    /// Adds to the counted bytes on the wire.
    pub fn count_bytes(&self, received: usize, published: usize) {
        self.0.count_bytes(received, published);
    }
}

impl fmt::Debug for ClusterNode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ClusterNode").finish_non_exhaustive()
    }
}
