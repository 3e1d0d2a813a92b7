//! A node without sockets: an engine, and a receiver that keeps the messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::hub::cluster::{
    ClusterNode, Engine, EngineError, EngineFuture, EngineState, MessageReceiver, Published, Received, RecoveryStore,
};
use crate::protocol::cluster::{ClusterMessage, EventPacket, MessageBody, NodeId, Selector};
use crate::protocol::{RawArgs, ToArgs};
use crate::sync::lock;

/// Longest wait for anything that has to happen.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Time in which a message that must not arrive would arrive.
const SILENCE: Duration = Duration::from_millis(100);

/// An engine that takes part in a cluster.
#[derive(Debug)]
pub(super) struct ContractNode<E> {
    pub(super) engine: E,
    inbox: Arc<Inbox>,
    rule: &'static str,
}

#[derive(Debug, Default)]
struct Inbox {
    received: Mutex<VecDeque<Received>>,
    /// What was read of the log.
    entries: Mutex<VecDeque<ReadEntry>>,
    arrived: Notify,
}

/// An entry of the log that the engine has read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ReadEntry {
    pub(super) offset: String,
    pub(super) namespace: String,
    /// Set for an event of the node itself.
    pub(super) is_own: bool,
}

impl MessageReceiver for Inbox {
    fn receive(&self, received: Received) {
        if let Some(offset) = received.offset.clone() {
            let namespace = received.message.namespace.to_string();
            lock(&self.entries).push_back(ReadEntry { offset, namespace, is_own: false });
        }
        lock(&self.received).push_back(received);
        self.arrived.notify_one();
    }

    fn logged(&self, namespace: &str, offset: &str) {
        let (offset, namespace) = (offset.to_owned(), namespace.to_owned());
        lock(&self.entries).push_back(ReadEntry { offset, namespace, is_own: true });
        self.arrived.notify_one();
    }

    fn ignore(&self, _: &str) {}

    fn state_changed(&self, _: EngineState) {}

    fn node_left(&self, _: &NodeId) {}

    fn node_left_namespace(&self, _: &NodeId, _: &str) {}

    fn count_bytes(&self, _: usize, _: usize) {}
}

impl Inbox {
    async fn next_of<T>(&self, queue: &Mutex<VecDeque<T>>) -> T {
        loop {
            let next = lock(queue).pop_front();
            if let Some(next) = next {
                return next;
            }
            self.arrived.notified().await;
        }
    }
}

impl<E: Engine> ContractNode<E> {
    /// A node that has entered these namespaces. `rule` is named when the engine breaks it.
    pub(super) async fn start(engine: E, rule: &'static str, namespaces: &[&Arc<str>]) -> Self {
        let node = Self { engine, inbox: Arc::default(), rule };
        let receiver = ClusterNode::new(Arc::<Inbox>::clone(&node.inbox));
        if let Err(error) = node.within("to start", node.engine.start(receiver)).await {
            panic!("{rule}: the engine does not start: {error}");
        }
        for namespace in namespaces {
            node.within("to enter a namespace", node.engine.enter_namespace(namespace)).await;
        }
        node
    }

    pub(super) async fn publish(&self, namespace: &Arc<str>, bodies: Vec<MessageBody>) -> Vec<Published> {
        let message = |body| ClusterMessage { namespace: Arc::clone(namespace), body };
        let messages: Vec<_> = bodies.into_iter().map(message).collect();
        match self.within("to publish", self.engine.publish(&messages)).await {
            Ok(published) => {
                let Self { rule, .. } = self;
                assert_eq!(published.len(), messages.len(), "{rule}: one result for each message");
                assert!(published.iter().all(|published| !published.dropped), "{rule}: a message was dropped");
                published
            }
            Err(error) => panic!("{}: the messages are not published: {error}", self.rule),
        }
    }

    /// Publishes an event for all sockets.
    pub(super) async fn publish_event(&self, namespace: &Arc<str>, event: &str) {
        self.publish(namespace, vec![broadcast(event, &(), Selector::default())]).await;
    }

    /// The next message of another node.
    pub(super) async fn next(&self) -> Received {
        self.within("a message of another node", self.inbox.next_of(&self.inbox.received)).await
    }

    /// The next entry that was read of the log.
    pub(super) async fn next_entry(&self) -> ReadEntry {
        self.within("an entry of the log", self.inbox.next_of(&self.inbox.entries)).await
    }

    /// The engine's log and its sessions.
    pub(super) fn store(&self) -> &dyn RecoveryStore {
        self.engine.recovery().expect("the engines of one cluster are alike")
    }

    /// The outcome of a command of the store.
    pub(super) async fn stored<T>(&self, what: &str, command: EngineFuture<'_, Result<T, EngineError>>) -> T {
        let Self { rule, .. } = self;
        self.within(what, command).await.unwrap_or_else(|error| panic!("{rule}: {what} fails: {error}"))
    }

    /// Waits for an event; no message may arrive before it.
    pub(super) async fn expect_event(&self, expected: &str) {
        let Received { message: ClusterMessage { namespace: _, body }, .. } = self.next().await;
        let event = if let MessageBody::Broadcast { packet, .. } = &body { packet.event.as_str() } else { "" };
        assert_eq!(event, expected, "{}: {body:?} arrived instead", self.rule);
    }

    /// Waits a while; no message may arrive.
    pub(super) async fn expect_nothing(&self) {
        sleep(SILENCE).await;
        let received = lock(&self.inbox.received);
        assert!(received.is_empty(), "{}: nothing more arrives, but {received:?}", self.rule);
    }

    /// Waits for something that the engine has to do.
    pub(super) async fn within<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        let Self { rule, .. } = self;
        timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{rule}: {what} took more than {PATIENCE:?}"))
    }

    /// Stops the engine.
    pub(super) async fn stop(&self) {
        self.within("to stop", self.engine.stop()).await;
    }
}

pub(super) fn packet(event: &str, data: &(impl ToArgs + ?Sized)) -> EventPacket {
    EventPacket { event: event.to_owned(), args: data.to_args().expect("the data can be written as JSON") }
}

pub(super) fn broadcast(event: &str, data: &(impl ToArgs + ?Sized), to: Selector) -> MessageBody {
    MessageBody::Broadcast { packet: packet(event, data), to }
}

/// The sockets of these rooms.
pub(super) fn in_rooms(rooms: &[&str]) -> Selector {
    Selector { rooms: rooms.iter().map(|room| (*room).to_owned()).collect(), ..Selector::default() }
}

/// The arguments as JSON, and their binary parts: formats differ in how a list of arguments is kept.
pub(super) fn plain(args: RawArgs) -> (String, Vec<Bytes>) {
    (args.json().into_owned(), args.into_content().attachments)
}
