//! The contract of engines: the engine in memory keeps it, and engines with a fault break it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, EngineState, LogPage, MessageBody,
    MessageReceiver, NodeId, Published, Received, RecordState, RecoveryStore, StoredSession,
};
use gateway_core::testing::{MemoryBus, MemoryEngine, engine_contract};

#[tokio::test(start_paused = true)]
async fn the_engine_in_memory_keeps_the_contract() {
    let bus = MemoryBus::new();
    engine_contract(|| bus.engine()).await;
    engine_contract(|| bus.engine().routing_rooms()).await;
    let bus = MemoryBus::with_log();
    engine_contract(|| bus.engine()).await;
}

/// A fault of an engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Reorders,
    Echoes,
    DropsLarge,
    StaysSubscribed,
    ForgetsRooms,
    DoublesAnswers,
    CountsItself,
    GivesNoOffsets,
    ReadsNothingBack,
    SkipsWhatItReads,
    KnowsEveryOffset,
    LeavesWhatIsTaken,
    OverwritesOthers,
    ForgetsNothing,
}

/// An engine in memory with a fault.
#[derive(Debug)]
struct Faulty {
    inner: MemoryEngine,
    fault: Fault,
    node: Mutex<Option<ClusterNode>>,
}

impl Faulty {
    fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }
}

/// Passes on everything but the own entries of the log.
struct WithoutOwn(ClusterNode);

impl MessageReceiver for WithoutOwn {
    fn receive(&self, received: Received) {
        self.0.receive(received);
    }

    fn ignore(&self, reason: &str) {
        self.0.ignore(reason);
    }

    fn state_changed(&self, state: EngineState) {
        self.0.state_changed(state);
    }

    fn node_left(&self, node: &NodeId) {
        self.0.node_left(node);
    }

    fn node_left_namespace(&self, node: &NodeId, namespace: &str) {
        self.0.node_left_namespace(node, namespace);
    }

    fn count_bytes(&self, received: usize, published: usize) {
        self.0.count_bytes(received, published);
    }
}

impl RecoveryStore for Faulty {
    fn save<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<(), EngineError>> {
        let keep = if self.has(Fault::ForgetsNothing) { Duration::from_hours(1) } else { keep };
        self.inner.save(session, keep)
    }

    fn update<'a>(
        &'a self,
        written: &'a [StoredSession],
        session: &'a StoredSession,
        keep: Duration,
    ) -> EngineFuture<'a, Result<RecordState, EngineError>> {
        Box::pin(async move {
            match self.inner.update(written, session, keep).await? {
                RecordState::OfAnother if self.has(Fault::OverwritesOthers) => {
                    self.inner.save(session, keep).await?;
                    Ok(RecordState::Stored)
                }
                state => Ok(state),
            }
        })
    }

    fn find<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        self.inner.find(private_id)
    }

    fn take<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        if self.has(Fault::LeavesWhatIsTaken) { self.inner.find(private_id) } else { self.inner.take(private_id) }
    }

    fn forget<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<(), EngineError>> {
        self.inner.forget(private_id)
    }

    fn messages_after<'a>(
        &'a self,
        namespace: &'a Arc<str>,
        offset: &'a str,
    ) -> EngineFuture<'a, Result<Option<LogPage>, EngineError>> {
        Box::pin(async move {
            let mut page = self.inner.messages_after(namespace, offset).await?;
            if let Some(page) = page.as_mut().filter(|page| self.has(Fault::SkipsWhatItReads) && !page.is_last) {
                page.messages.pop();
            }
            if page.is_none() && self.has(Fault::KnowsEveryOffset) {
                page = Some(LogPage { messages: Vec::new(), next: offset.to_owned(), is_last: true });
            }
            Ok(page)
        })
    }
}

impl Engine for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        *self.node.lock().unwrap() = Some(node.clone());
        let is_deaf = self.has(Fault::ReadsNothingBack);
        self.inner.start(if is_deaf { ClusterNode::new(Arc::new(WithoutOwn(node))) } else { node })
    }

    fn node_id(&self) -> &NodeId {
        self.inner.node_id()
    }

    fn enter_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        self.inner.enter_namespace(namespace)
    }

    fn exit_namespace<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, ()> {
        if self.has(Fault::StaysSubscribed) { Box::pin(async {}) } else { self.inner.exit_namespace(namespace) }
    }

    fn routes_rooms(&self) -> bool {
        self.inner.routes_rooms()
    }

    fn recovery(&self) -> Option<&dyn RecoveryStore> {
        self.inner.recovery().map(|_| self as &dyn RecoveryStore)
    }

    fn enter_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        let rooms = if self.has(Fault::ForgetsRooms) { &rooms[1..] } else { rooms };
        self.inner.enter_rooms(namespace, rooms)
    }

    fn exit_rooms<'a>(&'a self, namespace: &'a Arc<str>, rooms: &'a [Arc<str>]) -> EngineFuture<'a, ()> {
        self.inner.exit_rooms(namespace, rooms)
    }

    fn publish<'a>(&'a self, messages: &'a [ClusterMessage]) -> EngineFuture<'a, Result<Vec<Published>, EngineError>> {
        let mut published = messages.to_vec();
        if self.has(Fault::Reorders) {
            published.reverse();
        }
        if self.has(Fault::DropsLarge) {
            published.retain(|message| format!("{message:?}").len() < 100_000);
        }
        if self.has(Fault::DoublesAnswers) {
            let answers: Vec<_> = messages.iter().filter(|message| is_answer(message)).cloned().collect();
            published.extend(answers);
        }
        if self.has(Fault::Echoes) {
            let node = self.node.lock().unwrap();
            for message in messages {
                let received = Received { from: None, message: message.clone(), offset: None };
                node.as_ref().unwrap().receive(received);
            }
        }
        Box::pin(async move {
            let done = self.inner.publish(&published).await?;
            if done.len() == messages.len() && !self.has(Fault::GivesNoOffsets) {
                return Ok(done);
            }
            Ok(messages.iter().map(|_| Published::without_offset()).collect())
        })
    }

    fn census<'a>(&'a self, namespace: &'a Arc<str>) -> EngineFuture<'a, Result<Census, EngineError>> {
        Box::pin(async {
            match self.inner.census(namespace).await? {
                Census::Nodes(nodes) if self.has(Fault::CountsItself) => Ok(Census::Count(nodes.len() + 1)),
                census => Ok(census),
            }
        })
    }

    fn stop(&self) -> EngineFuture<'_, ()> {
        self.inner.stop()
    }
}

fn is_answer(message: &ClusterMessage) -> bool {
    matches!(message.body, MessageBody::Answer { .. })
}

/// Runs the contract over an engine with a fault. Returns the message of its panic.
async fn broken_rule(fault: Fault, has_log: bool) -> String {
    let checks = async move {
        let bus = if has_log { MemoryBus::with_log() } else { MemoryBus::new() };
        let inner = || if has_log { bus.engine() } else { bus.engine().routing_rooms() };
        engine_contract(|| Faulty { inner: inner(), fault, node: Mutex::default() }).await;
    };
    let panicked = tokio::spawn(checks).await.expect_err("the fault is found").into_panic();
    panicked.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn every_fault_is_found_and_its_rule_is_named() {
    for (fault, rule) in [
        (Fault::Reorders, "messages keep their order"),
        (Fault::Echoes, "a node does not receive its own messages"),
        (Fault::DropsLarge, "large and binary messages arrive unchanged"),
        (Fault::StaysSubscribed, "a node receives the namespaces that it has entered"),
        (Fault::ForgetsRooms, "a message for a room reaches the nodes that entered it"),
        (Fault::DoublesAnswers, "questions are answered"),
        (Fault::CountsItself, "the other nodes of a namespace are counted"),
    ] {
        let message = broken_rule(fault, false).await;
        assert!(message.contains(rule), "{fault:?}: {message}");
    }
    for (fault, rule) in [
        (Fault::GivesNoOffsets, "messages of the log have rising offsets"),
        (Fault::ReadsNothingBack, "messages of the log have rising offsets"),
        (Fault::SkipsWhatItReads, "the messages after an offset are read again"),
        (Fault::KnowsEveryOffset, "the messages after an offset are read again"),
        (Fault::LeavesWhatIsTaken, "a session is taken by one node"),
        (Fault::OverwritesOthers, "a node changes only the record that it has written"),
        (Fault::ForgetsNothing, "a session is forgotten after its time"),
    ] {
        let message = broken_rule(fault, true).await;
        assert!(message.contains(rule), "{fault:?}: {message}");
    }
}
