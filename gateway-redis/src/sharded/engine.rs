//! The engine and its options.

use std::fmt;
use std::sync::Arc;

use gateway_core::cluster::node_format::{self, NodeDecoder, NodeFormatLimits};
use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, NodeId, Published,
};
use redis::{Value, cmd};

use crate::connect::{Connector, KeyedCommand};
use crate::link::{Running, Subscription};
use crate::node_id::long_id;
use crate::sharded::SubscriptionMode;
use crate::sharded::channels::ShardChannels;
use crate::sharded::received::{Namespaces, NodeReceiver};

/// The engine over shard channels of Redis 7, created by [`Redis::sharded`](crate::Redis::sharded).
///
/// Nodes of Socket.IO with `createShardedAdapter` of `@socket.io/redis-adapter` 8 are of the same cluster if they have the same
/// prefix and the same mode. A message for one room reaches only nodes with members in this room; a client's join is answered
/// after Redis has confirmed the room's subscription. An event that is published while a node is not subscribed is lost for
/// this node. In a Redis Cluster each channel lies on one node: messages of one room keep their order, those of different rooms
/// need not.
pub struct Sharded {
    connector: Arc<Connector>,
    node_id: NodeId,
    channels: ShardChannels,
    namespaces: Arc<Namespaces>,
    running: Running,
}

impl Sharded {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        let channels = ShardChannels { prefix: "socket.io".into(), mode: SubscriptionMode::default() };
        let (namespaces, running) = Default::default();
        Self { connector, node_id: long_id(), channels, namespaces, running }
    }

    /// Sets the prefix of all channels. Clusters with different prefixes share a Redis and do not see each other. Default
    /// `socket.io`.
    #[must_use]
    pub fn channel_prefix(mut self, prefix: &str) -> Self {
        self.channels.prefix = prefix.into();
        self
    }

    /// Sets which rooms have a channel of their own. Default [`SubscriptionMode::Dynamic`].
    #[must_use]
    pub fn subscription_mode(mut self, mode: SubscriptionMode) -> Self {
        self.channels.mode = mode;
        self
    }

    fn of_namespace(&self, namespace: &str) -> Vec<Subscription> {
        let answers = Subscription::shard(self.channels.answers(namespace, &self.node_id)).own();
        vec![Subscription::shard(self.channels.namespace(namespace)), answers]
    }

    fn of_rooms(&self, namespace: &str, rooms: &[Arc<str>]) -> Vec<Subscription> {
        rooms.iter().filter_map(|room| self.channels.room(namespace, room)).map(Subscription::shard).collect()
    }

    async fn enter(&self, namespace: &Arc<str>, subscriptions: Vec<Subscription>) {
        self.namespaces.add(namespace, subscriptions.iter().map(|subscription| subscription.name.clone()));
        self.running.subscribe(subscriptions).await;
    }

    async fn exit(&self, subscriptions: Vec<Subscription>) {
        self.namespaces.remove(subscriptions.iter().map(|subscription| &subscription.name));
        self.running.unsubscribe(subscriptions).await;
    }

    async fn connect(&self, node: ClusterNode) -> Result<(), EngineError> {
        let decoder = NodeDecoder::new(self.node_id.clone(), NodeFormatLimits::default());
        let receiver = NodeReceiver { namespaces: Arc::clone(&self.namespaces), decoder, node: node.clone() };
        let started = self.running.start(&self.connector, node, Arc::new(receiver)).await?;
        let mut command = cmd("PUBSUB");
        command.arg("SHARDNUMSUB").arg(&*self.channels.prefix);
        let supported: Result<Value, _> = started.link.publisher.query(&command).await;
        if let Err(failure) = supported {
            self.running.stop().await;
            let address = self.connector.address();
            let text = format!("Redis at {address} has no shard channels, Redis 7 or Valkey is needed: {failure}");
            return Err(EngineError::new(text));
        }
        Ok(())
    }

    async fn publish_all(&self, messages: &[ClusterMessage]) -> Result<Vec<Published>, EngineError> {
        let started = self.running.get()?;
        let mut size = 0;
        let command = |message| {
            let (key, bytes) = (self.channels.of_message(message), node_format::encode(&self.node_id, message));
            size += bytes.len();
            let command = KeyedCommand::publish("SPUBLISH", &key, &bytes);
            KeyedCommand { key, command }
        };
        let commands = messages.iter().map(command).collect();
        let published = started.publish(commands).await?;
        started.node.count_bytes(0, size);
        Ok(published)
    }
}

impl Engine for Sharded {
    fn name(&self) -> &'static str {
        "redis sharded pub/sub"
    }

    fn address(&self) -> String {
        self.connector.address().to_owned()
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        Box::pin(self.connect(node))
    }

    fn node_id(&self) -> &NodeId {
        &self.node_id
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(self.enter(namespace, self.of_namespace(namespace)))
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(self.exit(self.of_namespace(namespace)))
    }

    fn routes_rooms(&self) -> bool {
        self.channels.mode != SubscriptionMode::Static
    }

    fn routes_sockets(&self) -> bool {
        self.channels.mode == SubscriptionMode::DynamicPrivate
    }

    fn enter_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        Box::pin(self.enter(namespace, self.of_rooms(namespace, rooms)))
    }

    fn exit_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        Box::pin(self.exit(self.of_rooms(namespace, rooms)))
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        Box::pin(self.publish_all(messages))
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        Box::pin(async move { self.running.get()?.census("SHARDNUMSUB", &self.channels.namespace(namespace)).await })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        Box::pin(self.running.stop())
    }
}

impl fmt::Debug for Sharded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connector, node_id, channels, namespaces: _, running: _ } = self;
        formatter
            .debug_struct("Sharded")
            .field("connector", connector)
            .field("node_id", node_id)
            .field("channels", channels)
            .finish_non_exhaustive()
    }
}
