//! Nodes of a cluster without sockets: an engine, and a receiver that keeps what arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::cluster::{
    BroadcastFlags, ClusterMessage, ClusterNode, Engine, EngineState, EventPacket, MessageBody, MessageReceiver,
    NodeId, Published, Received, Selector,
};
use gateway_core::extract::RawArgs;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// An engine that takes part in a cluster.
pub(crate) struct Node<E> {
    pub(crate) engine: E,
    messages: Mutex<UnboundedReceiver<Received>>,
    states: Mutex<UnboundedReceiver<EngineState>>,
    ignored: Mutex<UnboundedReceiver<String>>,
    duplicates: Mutex<UnboundedReceiver<()>>,
    receiver: Arc<Receiver>,
}

struct Receiver {
    messages: UnboundedSender<Received>,
    states: UnboundedSender<EngineState>,
    ignored: UnboundedSender<String>,
    duplicates: UnboundedSender<()>,
    /// Bytes that the engine has received.
    bytes: AtomicUsize,
    /// Held to make the node slow.
    gate: std::sync::Mutex<()>,
}

impl MessageReceiver for Receiver {
    fn receive(&self, received: Received) {
        drop(self.gate.lock());
        let _ = self.messages.send(received);
    }

    fn ignore(&self, reason: &str) {
        let _ = self.ignored.send(reason.to_owned());
    }

    fn duplicate_id(&self) {
        let _ = self.duplicates.send(());
    }

    fn state_changed(&self, state: EngineState) {
        let _ = self.states.send(state);
    }

    fn node_left(&self, _: &NodeId) {}

    fn node_left_namespace(&self, _: &NodeId, _: &str) {}

    fn count_bytes(&self, received: usize, _: usize) {
        self.bytes.fetch_add(received, Ordering::Relaxed);
    }
}

impl<E: Engine> Node<E> {
    /// A node that is not started.
    pub(crate) fn new(engine: E) -> Self {
        let (messages, arrivals) = unbounded_channel();
        let (states, changes) = unbounded_channel();
        let (ignored, reasons) = unbounded_channel();
        let (duplicates, notices) = unbounded_channel();
        let (bytes, gate) = Default::default();
        let receiver = Arc::new(Receiver { messages, states, ignored, duplicates, bytes, gate });
        let (messages, states, ignored, duplicates) = (arrivals.into(), changes.into(), reasons.into(), notices.into());
        Self { engine, messages, states, ignored, duplicates, receiver }
    }

    /// A node that serves `/`.
    pub(crate) async fn start(engine: E) -> Self {
        let node = Self::new(engine);
        node.engine.start(node.handle()).await.unwrap();
        node.enter("/").await;
        node
    }

    pub(crate) fn handle(&self) -> ClusterNode {
        ClusterNode::new(Arc::<Receiver>::clone(&self.receiver))
    }

    pub(crate) async fn enter(&self, namespace: &str) {
        within(self.engine.enter_namespace(&namespace.into())).await;
    }

    pub(crate) async fn publish(&self, body: MessageBody) -> Published {
        self.publish_in("/", body).await
    }

    pub(crate) async fn publish_in(&self, namespace: &str, body: MessageBody) -> Published {
        let message = ClusterMessage { namespace: namespace.into(), body };
        within(self.engine.publish(&[message])).await.unwrap().remove(0)
    }

    /// Publishes as the framework does: what was not published is published when the engine is back.
    pub(crate) async fn publish_all(&self, messages: &[ClusterMessage]) -> Vec<Published> {
        let mut published = Vec::new();
        while published.len() < messages.len() {
            match within(self.engine.publish(&messages[published.len()..])).await {
                Ok(more) => published.extend(more),
                Err(error) => {
                    published.extend((0..error.published()).map(|_| Published::without_offset()));
                    // Some failures change no connection.
                    let _ = timeout(Duration::from_secs(1), self.reconnected()).await;
                }
            }
        }
        published
    }

    /// The next message of another node.
    pub(crate) async fn received(&self) -> Received {
        within(async { self.messages.lock().await.recv().await }).await.unwrap()
    }

    /// The argument of the next event.
    pub(crate) async fn received_value(&self) -> Value {
        match self.received().await.message.body {
            MessageBody::Broadcast { packet, .. } => packet.args.read(0).unwrap(),
            other => panic!("{other:?} is no event"),
        }
    }

    /// Panics if another message has arrived. To be called after a message that must be the last.
    pub(crate) async fn expect_nothing_more(&self) {
        let message = self.messages.lock().await.try_recv();
        assert!(message.is_err(), "{message:?}");
    }

    pub(crate) async fn state(&self) -> EngineState {
        within(async { self.states.lock().await.recv().await }).await.unwrap()
    }

    /// Waits for the end of a loss, and returns `true` if a gap was reported.
    pub(crate) async fn reconnected(&self) -> bool {
        let mut is_gap = false;
        loop {
            match self.state().await {
                EngineState::Connected => return is_gap,
                EngineState::Gap { .. } => is_gap = true,
                _ => {}
            }
        }
    }

    /// The reason why a message was ignored.
    pub(crate) async fn ignored(&self) -> String {
        within(async { self.ignored.lock().await.recv().await }).await.unwrap()
    }

    /// Waits until another node with the id of this one is noticed.
    pub(crate) async fn duplicate_id(&self) {
        within(async { self.duplicates.lock().await.recv().await }).await.unwrap();
    }

    /// Returns `true` if another node with the id of this one was noticed since the last call.
    pub(crate) async fn has_duplicate_id(&self) -> bool {
        self.duplicates.lock().await.try_recv().is_ok()
    }

    /// Bytes that were received.
    pub(crate) fn received_bytes(&self) -> usize {
        self.receiver.bytes.load(Ordering::Relaxed)
    }

    /// Keeps the node from handling messages until the result is dropped.
    pub(crate) fn pause(&self) -> Pause<'_> {
        Pause { _held: self.receiver.gate.lock().unwrap() }
    }
}

/// A node handles no messages while this exists.
pub(crate) struct Pause<'a> {
    _held: std::sync::MutexGuard<'a, ()>,
}

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it takes too long")
}

pub(crate) fn packet(event: &str, value: impl Into<Value>) -> EventPacket {
    EventPacket { event: event.to_owned(), args: RawArgs::one(&value.into()).unwrap() }
}

pub(crate) fn to(rooms: &[&str]) -> Selector {
    let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
    Selector { rooms, except: Vec::new(), flags: BroadcastFlags::default() }
}

/// An event for the sockets of these rooms.
pub(crate) fn event(rooms: &[&str], value: impl Into<Value>) -> MessageBody {
    MessageBody::Broadcast { packet: packet("hello", value), to: to(rooms) }
}
