//! The engine and its options.

use std::fmt;
use std::sync::Arc;

use gateway_core::cluster::classic::{self, ClassicSender};
use gateway_core::cluster::{
    Answer, Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, MessageBody, NodeId, Published,
};

use crate::connect::{Connector, KeyedCommand};
use crate::emitter::{Emitter, EmitterTransport};
use crate::link::Running;
use crate::node_id::short_id;
use crate::pub_sub::Channels;
use crate::pub_sub::received::{Receiver, Shared};

/// The engine over publish and subscribe of Redis, created by [`Redis::pub_sub`](crate::Redis::pub_sub).
///
/// Nodes of Socket.IO with `createAdapter` of `@socket.io/redis-adapter` 8, and emitters of `@socket.io/redis-emitter`, are of
/// the same cluster if they have the same [`key`](PubSub::key). Every node receives the events of all rooms. An event that is
/// published while a node is not subscribed is lost for this node.
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use gateway_core::Server;
/// use gateway_redis::Redis;
///
/// let redis = Redis::connect("redis://127.0.0.1:6379").await?;
/// let server = Server::new().cluster(redis.pub_sub().key("shop"));
/// # Ok(())
/// # }
/// ```
pub struct PubSub {
    connector: Arc<Connector>,
    channels: Channels,
    answers_to_asker: bool,
    shared: Arc<Shared>,
    running: Running,
}

impl PubSub {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        let shared = Arc::new(Shared::new(short_id()));
        let (answers_to_asker, running) = Default::default();
        Self { connector, channels: Channels::new("socket.io"), answers_to_asker, shared, running }
    }

    /// Sets the prefix of all channels. Clusters with different prefixes share a Redis and do not see each other. Default
    /// `socket.io`.
    #[must_use]
    pub fn key(mut self, prefix: &str) -> Self {
        self.channels = Channels::new(prefix);
        self
    }

    /// Sends answers to the node that asked, on a channel of its own, and not to all nodes. Default `false`, as in Node.
    /// Answers of server-side events always go to all nodes, as in Node.
    #[must_use]
    pub fn publish_on_specific_response_channel(mut self, only_asker: bool) -> Self {
        self.answers_to_asker = only_asker;
        self
    }

    /// Creates an emitter with this key, as `@socket.io/redis-emitter` is one.
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        Emitter::new(Arc::clone(&self.connector), EmitterTransport::PubSub(self.channels.clone()))
    }

    fn command(&self, message: &ClusterMessage) -> (KeyedCommand, usize) {
        let (channel, bytes) = match &message.body {
            MessageBody::Answer { request, asker, answer } => {
                (self.answer_channel(&message.namespace, asker, answer), self.answer(message, request, answer))
            }
            MessageBody::Ask { request, .. } => {
                self.shared.own_questions.remember(request);
                (self.channels.of_message(message), self.written(message))
            }
            _ => (self.channels.of_message(message), self.written(message)),
        };
        let size = bytes.len();
        let command = KeyedCommand::publish("PUBLISH", &channel, &bytes);
        // Through one node of a Redis Cluster, all messages keep their order.
        (KeyedCommand { key: String::new(), command }, size)
    }

    fn written(&self, message: &ClusterMessage) -> Vec<u8> {
        classic::write(ClassicSender::Node(&self.shared.node_id), message)
    }

    fn answer(&self, message: &ClusterMessage, request: &str, answer: &Answer) -> Vec<u8> {
        match answer {
            Answer::Sockets(sockets) if self.shared.id_questions.contains(request) => {
                classic::write_socket_ids(request, sockets.iter().map(|socket| &*socket.id))
            }
            _ => self.written(message),
        }
    }

    fn answer_channel(&self, namespace: &str, asker: &NodeId, answer: &Answer) -> String {
        let is_specific = self.answers_to_asker && !asker.as_str().is_empty();
        match answer {
            Answer::ServerEvent(_) => self.channels.responses(namespace),
            _ if is_specific => self.channels.responses_to(namespace, asker),
            _ => self.channels.responses(namespace),
        }
    }

    async fn publish_all(&self, messages: &[ClusterMessage]) -> Result<Vec<Published>, EngineError> {
        let started = self.running.get()?;
        let (commands, sizes): (Vec<_>, Vec<_>) = messages.iter().map(|message| self.command(message)).unzip();
        let published = started.publish(commands).await?;
        started.node.count_bytes(0, sizes.iter().sum());
        Ok(published)
    }
}

impl Engine for PubSub {
    fn name(&self) -> &'static str {
        "redis pub/sub"
    }

    fn address(&self) -> String {
        self.connector.address().to_owned()
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        Box::pin(async move {
            let receiver = Arc::new(Receiver { shared: Arc::clone(&self.shared), node: node.clone() });
            self.running.start(&self.connector, node, receiver).await.map(drop)
        })
    }

    fn node_id(&self) -> &NodeId {
        &self.shared.node_id
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let subscriptions = self.channels.subscriptions(namespace, &self.shared.node_id);
            self.shared.add(namespace, &self.channels.namespace(namespace), &subscriptions);
            self.running.subscribe(subscriptions.map(|(subscription, _)| subscription)).await;
        })
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(async move {
            let subscriptions = self.channels.subscriptions(namespace, &self.shared.node_id);
            self.shared.remove(&subscriptions);
            self.running.unsubscribe(subscriptions.map(|(subscription, _)| subscription)).await;
        })
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        Box::pin(self.publish_all(messages))
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        Box::pin(async move { self.running.get()?.census("NUMSUB", &self.channels.requests(namespace)).await })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        Box::pin(self.running.stop())
    }
}

impl fmt::Debug for PubSub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connector, channels, answers_to_asker, shared, running: _ } = self;
        formatter
            .debug_struct("PubSub")
            .field("connector", connector)
            .field("channels", channels)
            .field("answers_to_asker", answers_to_asker)
            .field("node_id", &shared.node_id)
            .finish_non_exhaustive()
    }
}
