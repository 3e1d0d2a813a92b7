//! Names of streams and channels.

use std::sync::Arc;

use gateway_core::cluster::{ClusterMessage, MessageBody, NodeId};

/// The streams and channels of a cluster.
#[derive(Clone, Debug)]
pub(crate) struct StreamKeys {
    pub(super) stream: Arc<str>,
    pub(super) count: i32,
    pub(super) prefix: Arc<str>,
}

impl StreamKeys {
    /// The stream of a namespace, as Node's adapter chooses it: of the remainders the sign is kept.
    pub(super) fn of_namespace(&self, namespace: &str) -> String {
        if self.count == 1 {
            return (*self.stream).to_owned();
        }
        format!("{}-{}", self.stream, hash(namespace) % self.count)
    }

    /// All streams, those of negative remainders too, which Node's adapter writes and does not read.
    pub(super) fn all(&self) -> Vec<String> {
        if self.count == 1 {
            return vec![(*self.stream).to_owned()];
        }
        (1 - self.count..self.count).map(|remainder| format!("{}-{remainder}", self.stream)).collect()
    }

    /// The channel of questions and server-side events.
    pub(super) fn channel(&self, namespace: &str) -> String {
        format!("{}#{namespace}#", self.prefix)
    }

    /// The channel of answers to a node.
    pub(super) fn answers(&self, namespace: &str, node: &NodeId) -> String {
        format!("{}{node}#", self.channel(namespace))
    }

    /// The channel of a message that is in no stream.
    pub(super) fn channel_of(&self, ClusterMessage { namespace, body }: &ClusterMessage) -> String {
        match body {
            MessageBody::Answer { asker, .. } => self.answers(namespace, asker),
            _ => self.channel(namespace),
        }
    }
}

/// Returns `true` if a message is kept in a stream: nodes that are away for a moment receive it later.
pub(super) fn is_kept(body: &MessageBody) -> bool {
    matches!(
        body,
        MessageBody::Broadcast { .. }
            | MessageBody::Join { .. }
            | MessageBody::Leave { .. }
            | MessageBody::Disconnect { .. }
    )
}

/// The hash of JavaScript's strings that Node's adapter uses: 32 bits with a sign.
fn hash(text: &str) -> i32 {
    text.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_nodes_adapter() {
        let check = |namespace, expected| assert_eq!(hash(namespace), expected, "{namespace}");
        check("/", 47);
        check("/chat", 46_457_863);
        check("/notifications", -1_014_064_871);
    }

    #[test]
    fn streams_are_those_that_node_writes() {
        let keys = |count| StreamKeys { stream: "socket.io".into(), count, prefix: "socket.io".into() };
        assert_eq!(keys(1).all(), ["socket.io"]);
        assert_eq!(keys(1).of_namespace("/notifications"), "socket.io");
        assert_eq!(keys(4).of_namespace("/"), "socket.io-3");
        for namespace in ["/notifications", "/dashboard", "/tenant-1"] {
            assert_eq!(keys(4).of_namespace(namespace), "socket.io--3");
        }
        let all = ["socket.io--2", "socket.io--1", "socket.io-0", "socket.io-1", "socket.io-2"];
        assert_eq!(keys(3).all(), all);
    }
}
