//! The state of an engine with several connections: it is lost while one of them is.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::cluster::{ClusterNode, EngineState, MessageReceiver, NodeId, Received};

/// The connections that are lost.
#[derive(Debug)]
pub(super) struct States {
    node: ClusterNode,
    lost: Mutex<HashSet<String>>,
}

/// The framework's side for the connections of publish and subscribe.
pub(super) struct ChannelNode(pub(super) Arc<States>);

/// The part of the connections of publish and subscribe.
const CHANNELS: &str = "#";

impl States {
    pub(super) fn new(node: ClusterNode) -> Self {
        Self { node, lost: Mutex::default() }
    }

    /// Reports the loss of a connection.
    pub(super) fn lose(&self, part: &str, reason: String) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = lost.is_empty();
        lost.insert(part.to_owned());
        if is_first {
            self.node.state_changed(EngineState::Lost { reason });
        }
    }

    /// Reports that the connection is back.
    pub(super) fn restore(&self, part: &str) {
        let mut lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.remove(part) && lost.is_empty() {
            self.node.state_changed(EngineState::Connected);
        }
    }

    /// Reports that entries were removed before they were read.
    pub(super) fn report_gap(&self, messages: Option<u64>) {
        self.node.state_changed(EngineState::Gap { messages });
    }
}

impl MessageReceiver for ChannelNode {
    fn receive(&self, received: Received) {
        self.0.node.receive(received);
    }

    fn receive_together(&self, receive: &mut dyn FnMut()) {
        self.0.node.receive_together(receive);
    }

    fn ignore(&self, reason: &str) {
        self.0.node.ignore(reason);
    }

    fn duplicate_id(&self) {
        self.0.node.duplicate_id();
    }

    fn state_changed(&self, state: EngineState) {
        match state {
            EngineState::Connected => self.0.restore(CHANNELS),
            EngineState::Lost { reason } => self.0.lose(CHANNELS, reason),
            // Channels carry questions and answers only: no event is missing.
            _ => {}
        }
    }

    fn node_left(&self, node: &NodeId) {
        self.0.node.node_left(node);
    }

    fn node_left_namespace(&self, node: &NodeId, namespace: &str) {
        self.0.node.node_left_namespace(node, namespace);
    }

    fn count_bytes(&self, received: usize, published: usize) {
        self.0.node.count_bytes(received, published);
    }
}
