//! The engine and its options.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use gateway_core::cluster::node_format::{NodeDecoder, NodeFormatLimits};
use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, NodeId, Published, RecoveryStore,
};
use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connect::{Connector, KeyedCommand};
use crate::emitter::{Emitter, EmitterTransport};
use crate::link::{Running, Started, Subscription};
use crate::node_id::long_id;
use crate::sharded::{Namespaces, NodeReceiver};
use crate::streams::entry::EntryReceiver;
use crate::streams::keys::StreamKeys;
use crate::streams::position::{Position, StreamInfo};
use crate::streams::reader::{ReadLimits, StreamReader};
use crate::streams::states::{ChannelNode, States};
use crate::streams::writer::Writer;

/// The engine over streams of Redis, created by [`Redis::streams`](crate::Redis::streams).
///
/// Nodes of Socket.IO with `@socket.io/redis-streams-adapter` 0.3 are of the same cluster if they have the same options. Events,
/// joins, leaves and disconnects are entries of a stream: a node whose connection was lost reads what it missed, in order, and
/// reports a gap only if more than [`max_len`](Streams::max_len) entries came meanwhile, or Redis lost its data. An entry is
/// written once, also if the connection is lost while it is written. Questions, answers and server-side events travel on
/// channels; those that are published while a node is not subscribed are lost for this node.
///
/// Nodes with [`PubSub`](crate::PubSub) or Node's classic adapter must have another prefix: their pattern has the channels of
/// this engine, too.
pub struct Streams {
    connector: Arc<Connector>,
    node_id: NodeId,
    pub(super) options: StreamOptions,
    /// The namespaces of channels.
    channels: Arc<Namespaces>,
    /// The namespaces by their names.
    namespaces: Arc<Namespaces>,
    pub(super) running: Running,
    writer: Mutex<Option<Writer>>,
    readers: std::sync::Mutex<Option<DropGuard>>,
}

#[derive(Clone, Debug)]
pub(super) struct StreamOptions {
    pub(super) keys: StreamKeys,
    uses_shard_channels: bool,
    max_len: usize,
    read_count: usize,
    block: Duration,
    pub(super) session_prefix: Arc<str>,
}

impl Streams {
    pub(crate) fn new(connector: Arc<Connector>) -> Self {
        let options = StreamOptions {
            keys: StreamKeys { stream: "socket.io".into(), count: 1, prefix: "socket.io".into() },
            uses_shard_channels: false,
            max_len: 10_000,
            read_count: 100,
            block: Duration::from_secs(5),
            session_prefix: "sio:session:".into(),
        };
        let (channels, namespaces, running) = Default::default();
        let (writer, readers) = Default::default();
        Self { connector, node_id: long_id(), options, channels, namespaces, running, writer, readers }
    }

    /// Sets the name of the stream. Default `socket.io`.
    #[must_use]
    pub fn stream_name(mut self, name: &str) -> Self {
        self.options.keys.stream = name.into();
        self
    }

    /// Sets the number of streams that namespaces are distributed over, named with `-0`, `-1` and so on. Namespaces that Node's
    /// adapter writes to a stream with a negative number, which Node does not read, are read, too. Default 1.
    ///
    /// # Panics
    ///
    /// If there are none, or more than 1024.
    #[must_use]
    pub fn stream_count(mut self, count: u16) -> Self {
        assert!((1..=1024).contains(&count), "the number of streams is between 1 and 1024");
        self.options.keys.count = count.into();
        self
    }

    /// Sets the prefix of the channels for questions and answers. Default `socket.io`.
    #[must_use]
    pub fn channel_prefix(mut self, prefix: &str) -> Self {
        self.options.keys.prefix = prefix.into();
        self
    }

    /// Uses shard channels (Redis 7) for questions and answers. Default `false`.
    #[must_use]
    pub fn use_sharded_pub_sub(mut self, sharded: bool) -> Self {
        self.options.uses_shard_channels = sharded;
        self
    }

    /// Sets the number of entries that a stream keeps, about. A node that is away for longer misses the oldest. Default 10 000.
    #[must_use]
    pub fn max_len(mut self, entries: usize) -> Self {
        self.options.max_len = entries.max(1);
        self
    }

    /// Sets the number of entries that are read at once. Default 100.
    #[must_use]
    pub fn read_count(mut self, entries: usize) -> Self {
        self.options.read_count = entries.max(1);
        self
    }

    /// Sets the time that a reader waits for an entry before it asks again. Default 5 s.
    #[must_use]
    pub fn block_time(mut self, time: Duration) -> Self {
        self.options.block = time.max(Duration::from_millis(1));
        self
    }

    /// Sets the prefix of the keys of sessions. Default `sio:session:`.
    #[must_use]
    pub fn session_key_prefix(mut self, prefix: &str) -> Self {
        self.options.session_prefix = prefix.into();
        self
    }

    /// Creates an emitter with these options: its messages are entries of the stream, as those of
    /// `@socket.io/redis-streams-emitter` are.
    #[must_use]
    pub fn emitter(&self) -> Emitter {
        let StreamOptions { keys, max_len, .. } = self.options.clone();
        Emitter::new(Arc::clone(&self.connector), EmitterTransport::Streams { keys, max_len })
    }

    async fn connect(&self, node: ClusterNode) -> Result<(), EngineError> {
        let states = Arc::new(States::new(node.clone()));
        let decoder = NodeDecoder::new(self.node_id.clone(), NodeFormatLimits::default());
        let channel_node = ClusterNode::new(Arc::new(ChannelNode(Arc::clone(&states))));
        let receiver = NodeReceiver {
            namespaces: Arc::clone(&self.channels),
            decoder: decoder.clone(),
            node: channel_node.clone(),
        };
        let started = self.running.start(&self.connector, channel_node, Arc::new(receiver)).await?;
        let ends = match self.ends_of_streams(&started).await {
            Ok(ends) => ends,
            Err(error) => {
                self.running.stop().await;
                return Err(error);
            }
        };
        let publish = if self.options.uses_shard_channels { "SPUBLISH" } else { "PUBLISH" };
        let keys = self.options.keys.clone();
        let mut writer = Writer::new(self.node_id.clone(), keys, self.options.max_len, publish);
        for (stream, info) in &ends {
            writer.begin(stream, info);
        }
        *self.writer.lock().await = Some(writer);
        let (namespaces, node_id) = (Arc::clone(&self.namespaces), self.node_id.clone());
        self.read(ends, &states, &EntryReceiver { namespaces, decoder, node, node_id });
        Ok(())
    }

    /// The ends of all streams: what is written from now on is read.
    async fn ends_of_streams(&self, started: &Started) -> Result<Vec<(String, StreamInfo)>, EngineError> {
        let streams = self.options.keys.all();
        let command = |stream: &String| KeyedCommand { key: stream.clone(), command: StreamInfo::command(stream) };
        let answers = started.link.publisher.run(streams.iter().map(command).collect()).await;
        let answers = answers.map_err(|failure| EngineError::new(failure.to_string()))?;
        let ends = streams.into_iter().zip(answers).map(|(stream, answer)| Ok((stream, StreamInfo::read(answer)?)));
        let unreadable = |error: redis::RedisError| EngineError::new("a stream cannot be read").with_source(error);
        ends.collect::<Result<_, _>>().map_err(unreadable)
    }

    /// Spawns the readers; they end with the engine.
    fn read(&self, ends: Vec<(String, StreamInfo)>, states: &Arc<States>, receiver: &EntryReceiver) {
        let StreamOptions { max_len, read_count, block, .. } = self.options;
        // Entries can be removed unseen only while as many are left as the stream keeps.
        let limits = ReadLimits { count: read_count.min(max_len), block };
        let ending = CancellationToken::new();
        for (stream, info) in ends {
            let reader = StreamReader {
                connector: Arc::clone(&self.connector),
                stream,
                position: Position::end_of(&info),
                limits,
                receiver: receiver.clone(),
                states: Arc::clone(states),
            };
            tokio::spawn(ending.clone().run_until_cancelled_owned(reader.run()));
        }
        *self.readers.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending.drop_guard());
    }

    fn subscriptions(&self, namespace: &str) -> [Subscription; 2] {
        let StreamOptions { keys, uses_shard_channels, .. } = &self.options;
        let subscription = |channel: String| {
            if *uses_shard_channels { Subscription::shard(channel) } else { Subscription::channel(channel) }
        };
        let answers = keys.answers(namespace, &self.node_id);
        [subscription(keys.channel(namespace)), subscription(answers).own()]
    }

    async fn enter(&self, namespace: &Arc<str>) {
        let subscriptions = self.subscriptions(namespace);
        self.namespaces.add(namespace, [namespace.to_string()]);
        self.channels.add(namespace, subscriptions.iter().map(|subscription| subscription.name.clone()));
        self.running.subscribe(subscriptions).await;
    }

    async fn exit(&self, namespace: &Arc<str>) {
        let subscriptions = self.subscriptions(namespace);
        self.namespaces.remove([&namespace.to_string()]);
        self.channels.remove(subscriptions.iter().map(|subscription| &subscription.name));
        self.running.unsubscribe(subscriptions).await;
    }

    async fn publish_all(&self, messages: &[ClusterMessage]) -> Result<Vec<Published>, EngineError> {
        let started = self.running.get()?;
        let mut writer = self.writer.lock().await;
        let writer = writer.as_mut().ok_or_else(|| EngineError::new("the engine is not started"))?;
        writer.publish(&started, messages).await
    }

    async fn count_nodes(&self, namespace: &str) -> Result<Census, EngineError> {
        let question = if self.options.uses_shard_channels { "SHARDNUMSUB" } else { "NUMSUB" };
        self.running.get()?.census(question, &self.options.keys.channel(namespace)).await
    }

    async fn disconnect(&self) {
        drop(self.readers.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.running.stop().await;
    }
}

impl Engine for Streams {
    fn name(&self) -> &'static str {
        "redis streams"
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
        Box::pin(self.enter(namespace))
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        Box::pin(self.exit(namespace))
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        Box::pin(self.publish_all(messages))
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        Box::pin(self.count_nodes(namespace))
    }

    fn recovery(&self) -> Option<&dyn RecoveryStore> {
        Some(self)
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        Box::pin(self.disconnect())
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Streams")
            .field("connector", &self.connector)
            .field("node_id", &self.node_id)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
