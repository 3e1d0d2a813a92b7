//! Conversion of published messages to those of the framework.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gateway_core::cluster::node_format::{NodeDecoder, NodeEnvelope, NodeMessage};
use gateway_core::cluster::{ClusterNode, Received};

use crate::link::{PushReceiver, Pushed};

/// The namespaces of subscribed channels.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(RwLock<HashMap<String, Arc<str>>>);

/// The receiver of an engine's subscribed channels.
pub(crate) struct NodeReceiver {
    pub(crate) namespaces: Arc<Namespaces>,
    pub(crate) decoder: NodeDecoder,
    pub(crate) node: ClusterNode,
}

impl Namespaces {
    pub(crate) fn add(&self, namespace: &Arc<str>, channels: impl IntoIterator<Item = String>) {
        let mut namespaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        namespaces.extend(channels.into_iter().map(|channel| (channel, Arc::clone(namespace))));
    }

    pub(crate) fn remove<'a>(&self, channels: impl IntoIterator<Item = &'a String>) {
        let mut namespaces = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for channel in channels {
            namespaces.remove(channel);
        }
    }

    /// The namespace with this key.
    pub(crate) fn get(&self, channel: &str) -> Option<Arc<str>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(channel).cloned()
    }
}

impl PushReceiver for NodeReceiver {
    fn receive(&self, pushed: Pushed<'_>) {
        let Some(namespace) = self.namespaces.get(pushed.channel) else { return };
        self.node.count_bytes(pushed.payload.len(), 0);
        match self.decoder.decode(pushed.payload, &namespace) {
            Ok(Some(NodeEnvelope { from, message: NodeMessage::Message(message) })) => {
                self.node.receive(Received { from, message, offset: None });
            }
            // Only older adapters of other kinds send signs of life.
            Ok(None | Some(NodeEnvelope { message: NodeMessage::Heartbeat { .. }, .. })) => {}
            Err(error) => self.node.ignore(&error.to_string()),
        }
    }

    fn receive_together(&self, receive: &mut dyn FnMut()) {
        self.node.receive_together(receive);
    }
}
