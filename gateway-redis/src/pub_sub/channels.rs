//! Names of channels.

use std::sync::Arc;

use gateway_core::cluster::classic::ClassicChannel;
use gateway_core::cluster::{ClusterMessage, MessageBody, NodeId, Selector};

use crate::link::Subscription;

/// The channels of a cluster with this prefix.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    prefix: Arc<str>,
}

impl Channels {
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The channel of all nodes for events of a namespace, and the beginning of those for its rooms.
    pub(crate) fn namespace(&self, namespace: &str) -> String {
        joined(&[&self.prefix, "#", namespace, "#"])
    }

    /// The channel of requests; its subscribers are the nodes of the namespace.
    pub(crate) fn requests(&self, namespace: &str) -> String {
        format!("{}-request#{namespace}#", self.prefix)
    }

    /// The channel of answers to all nodes, and the beginning of those to one.
    pub(crate) fn responses(&self, namespace: &str) -> String {
        format!("{}-response#{namespace}#", self.prefix)
    }

    /// The channel of answers to this node.
    pub(crate) fn responses_to(&self, namespace: &str, node: &NodeId) -> String {
        format!("{}{node}#", self.responses(namespace))
    }

    /// The channel of an event: that of the room if there is exactly one.
    pub(crate) fn broadcast(&self, namespace: &str, to: &Selector) -> String {
        match &*to.rooms {
            [room] => joined(&[&self.prefix, "#", namespace, "#", room, "#"]),
            _ => self.namespace(namespace),
        }
    }

    /// The channel of a message, except for answers.
    pub(crate) fn of_message(&self, message: &ClusterMessage) -> String {
        let ClusterMessage { namespace, body } = message;
        match body {
            MessageBody::Broadcast { to, .. } => self.broadcast(namespace, to),
            _ => self.requests(namespace),
        }
    }

    /// The subscriptions of a node to a namespace, and the kind of messages on each.
    pub(crate) fn subscriptions(&self, namespace: &str, node: &NodeId) -> [(Subscription, ClassicChannel); 4] {
        let pattern = format!("{}*", escaped(&self.namespace(namespace)));
        [
            (Subscription::pattern(pattern), ClassicChannel::Broadcast),
            (Subscription::channel(self.requests(namespace)), ClassicChannel::Request),
            (Subscription::channel(self.responses(namespace)), ClassicChannel::Response),
            (Subscription::channel(self.responses_to(namespace, node)).own(), ClassicChannel::Response),
        ]
    }
}

/// Joins the parts of a name: each message has one.
pub(crate) fn joined(parts: &[&str]) -> String {
    let mut name = String::with_capacity(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        name.push_str(part);
    }
    name
}

/// Escapes what has a meaning in a pattern of Redis.
fn escaped(channel: &str) -> String {
    let mut pattern = String::with_capacity(channel.len());
    for character in channel.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_the_names_of_nodes_adapter() {
        let channels = Channels::new("socket.io");
        let names = channels.subscriptions("/chat", &NodeId::new("ivmebB")).map(|(subscription, _)| subscription.name);
        let expected = [
            "socket.io#/chat#*",
            "socket.io-request#/chat#",
            "socket.io-response#/chat#",
            "socket.io-response#/chat#ivmebB#",
        ];
        assert_eq!(names, expected);
        let to = |rooms: &[&str]| {
            let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
            Selector { rooms, ..Selector::default() }
        };
        assert_eq!(channels.broadcast("/", &to(&["a#b"])), "socket.io#/#a#b#");
        assert_eq!(channels.broadcast("/", &to(&["a", "b"])), "socket.io#/#");
        assert_eq!(channels.broadcast("/", &to(&[])), "socket.io#/#");
    }

    #[test]
    fn a_namespace_is_no_pattern() {
        assert_eq!(escaped(r"/a[1]*?\x"), r"/a\[1\]\*\?\\x");
    }
}
