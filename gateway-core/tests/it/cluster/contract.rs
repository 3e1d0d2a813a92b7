//! The contract of engines: the engine in memory keeps it, and engines with a fault break it.

use std::sync::{Arc, Mutex};

use gateway_core::cluster::{
    Census, ClusterMessage, ClusterNode, Engine, EngineError, EngineFuture, MessageBody, NodeId, Published, Received,
};
use gateway_core::testing::{MemoryBus, MemoryEngine, engine_contract};

#[tokio::test(start_paused = true)]
async fn the_engine_in_memory_keeps_the_contract() {
    let bus = MemoryBus::new();
    engine_contract(|| bus.engine()).await;
    engine_contract(|| bus.engine().routing_rooms()).await;
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

impl Engine for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn start(&self, node: ClusterNode) -> EngineFuture<'_, Result<(), EngineError>> {
        *self.node.lock().unwrap() = Some(node.clone());
        self.inner.start(node)
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
        true
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
            self.inner.publish(&published).await?;
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
async fn broken_rule(fault: Fault) -> String {
    let checks = async move {
        let bus = MemoryBus::new();
        engine_contract(|| Faulty { inner: bus.engine().routing_rooms(), fault, node: Mutex::default() }).await;
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
        let message = broken_rule(fault).await;
        assert!(message.contains(rule), "{fault:?}: {message}");
    }
}
