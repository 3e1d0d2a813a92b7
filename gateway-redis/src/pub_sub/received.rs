//! Conversion of published messages to those of the framework.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use gateway_core::cluster::classic::{self, ClassicChannel, ClassicMessage};
use gateway_core::cluster::{ClusterMessage, ClusterNode, MessageBody, NodeId, Question, Received, Selector};

use crate::link::{PushReceiver, Pushed, Subscription};
use crate::pub_sub::questions::Questions;

/// The parts of an engine that its receiving side shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) node_id: NodeId,
    routes: RwLock<HashMap<String, Arc<Route>>>,
    /// Questions of this node: the common channel of answers has those to all nodes.
    pub(super) own_questions: Questions,
    /// Questions of old nodes, which are answered with the ids of sockets.
    pub(super) id_questions: Questions,
}

/// The meaning of a subscription.
#[derive(Debug)]
struct Route {
    namespace: Arc<str>,
    channel: ClassicChannel,
    /// The beginning of every channel that is meant.
    prefix: String,
}

/// The receiver of an engine's subscribed channels.
pub(super) struct Receiver {
    pub(super) shared: Arc<Shared>,
    pub(super) node: ClusterNode,
}

impl Shared {
    pub(super) fn new(node_id: NodeId) -> Self {
        let (routes, own_questions, id_questions) = Default::default();
        Self { node_id, routes, own_questions, id_questions }
    }

    pub(super) fn add(&self, namespace: &Arc<str>, prefix: &str, subscriptions: &[(Subscription, ClassicChannel)]) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        for (Subscription { name, .. }, channel) in subscriptions {
            let prefix = match channel {
                ClassicChannel::Broadcast => prefix.to_owned(),
                ClassicChannel::Request | ClassicChannel::Response => name.clone(),
            };
            let namespace = Arc::clone(namespace);
            routes.insert(name.clone(), Arc::new(Route { namespace, channel: *channel, prefix }));
        }
    }

    pub(super) fn remove(&self, subscriptions: &[(Subscription, ClassicChannel)]) {
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        for (Subscription { name, .. }, _) in subscriptions {
            routes.remove(name);
        }
    }

    fn route(&self, subscription: &str) -> Option<Arc<Route>> {
        self.routes.read().unwrap_or_else(PoisonError::into_inner).get(subscription).cloned()
    }
}

impl PushReceiver for Receiver {
    fn receive(&self, pushed: Pushed<'_>) {
        let Some(route) = self.shared.route(pushed.subscription) else { return };
        let Route { namespace, channel, prefix } = &*route;
        self.node.count_bytes(pushed.payload.len(), 0);
        if !pushed.channel.starts_with(prefix) {
            return self.node.ignore("a channel that the pattern does not mean");
        }
        match classic::read(&self.shared.node_id, *channel, namespace, pushed.payload) {
            Ok(None) => {}
            Ok(Some(message)) => self.hand_over(Arc::clone(namespace), message),
            Err(error) => self.node.ignore(&error.to_string()),
        }
    }

    fn receive_together(&self, receive: &mut dyn FnMut()) {
        self.node.receive_together(receive);
    }
}

impl Receiver {
    fn hand_over(&self, namespace: Arc<str>, message: ClassicMessage) {
        let (from, body) = match message {
            ClassicMessage::Body { from, body: body @ MessageBody::Ask { .. } } => (Some(asker(from)), body),
            ClassicMessage::Body { from, body } => (from, body),
            ClassicMessage::Answer { request, .. } if !self.shared.own_questions.contains(&request) => return,
            ClassicMessage::Answer { request, answer } => {
                let asker = self.shared.node_id.clone();
                (None, MessageBody::Answer { request, asker, answer })
            }
            ClassicMessage::SocketIds { from, request, rooms } => {
                self.shared.id_questions.remember(&request);
                let question = Question::Sockets(Selector { rooms, ..Selector::default() });
                (Some(asker(from)), MessageBody::Ask { request, question })
            }
            _ => return,
        };
        let message = ClusterMessage { namespace, body };
        self.node.receive(Received { from, message, offset: None });
    }
}

/// Old nodes ask without an id, and read the answers on the common channel.
fn asker(from: Option<NodeId>) -> NodeId {
    from.unwrap_or_else(|| NodeId::new(""))
}
