//! Names of channels, and which of them rooms have.

use std::sync::Arc;

use gateway_core::cluster::{ClusterMessage, MessageBody, NodeId};

use crate::pub_sub::joined;

/// The rooms that have a channel of their own. All nodes of a cluster must have the same mode: a node with
/// [`Static`](SubscriptionMode::Static) does not receive what the others publish for single rooms.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SubscriptionMode {
    /// No room: every node receives every message.
    Static,
    /// Every room but that of a socket's id: a node without members in a room receives none of its messages.
    #[default]
    Dynamic,
    /// Every room, that of a socket's id too: a node without this socket receives none of its messages. A message that another
    /// node sends before the socket's subscription is confirmed is lost.
    DynamicPrivate,
}

/// The channels of a cluster.
#[derive(Clone, Debug)]
pub(super) struct ShardChannels {
    pub(super) prefix: Arc<str>,
    pub(super) mode: SubscriptionMode,
}

/// Number of characters of a socket's id.
const ID_LENGTH: usize = 20;

impl ShardChannels {
    /// The channel of all nodes.
    pub(super) fn namespace(&self, namespace: &str) -> String {
        joined(&[&self.prefix, "#", namespace, "#"])
    }

    /// The channel of answers to a node.
    pub(super) fn answers(&self, namespace: &str, node: &NodeId) -> String {
        format!("{}{node}#", self.namespace(namespace))
    }

    /// The channel of a room, if it has one.
    pub(super) fn room(&self, namespace: &str, room: &str) -> Option<String> {
        let has_channel = match self.mode {
            SubscriptionMode::Static => false,
            // Node counts UTF-16 units, and takes every name of this length for an id.
            SubscriptionMode::Dynamic => room.encode_utf16().count() != ID_LENGTH,
            SubscriptionMode::DynamicPrivate => true,
        };
        has_channel.then(|| joined(&[&self.prefix, "#", namespace, "#", room, "#"]))
    }

    pub(super) fn of_message(&self, ClusterMessage { namespace, body }: &ClusterMessage) -> String {
        let specific = match body {
            MessageBody::Broadcast { to, .. } => match &*to.rooms {
                [room] => self.room(namespace, room),
                _ => None,
            },
            MessageBody::Answer { asker, .. } => Some(self.answers(namespace, asker)),
            _ => None,
        };
        specific.unwrap_or_else(|| self.namespace(namespace))
    }
}

#[cfg(test)]
mod tests {
    use gateway_core::cluster::{EventPacket, Selector};
    use gateway_core::extract::RawArgs;

    use super::*;

    #[test]
    fn a_message_for_one_room_has_the_rooms_channel() {
        let check = |mode, rooms: &[&str], expected: &str| {
            let channels = ShardChannels { prefix: "socket.io".into(), mode };
            let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
            let packet = EventPacket { event: "e".to_owned(), args: RawArgs::default() };
            let body = MessageBody::Broadcast { packet, to: Selector { rooms, ..Selector::default() } };
            assert_eq!(channels.of_message(&ClusterMessage { namespace: "/".into(), body }), expected, "{mode:?}");
        };
        let id = "abcdefghijklmnopqrst";
        for mode in [SubscriptionMode::Static, SubscriptionMode::Dynamic, SubscriptionMode::DynamicPrivate] {
            check(mode, &[], "socket.io#/#");
            check(mode, &["a", "b"], "socket.io#/#");
        }
        check(SubscriptionMode::Static, &["room1"], "socket.io#/#");
        check(SubscriptionMode::Dynamic, &["room1"], "socket.io#/#room1#");
        check(SubscriptionMode::Dynamic, &[id], "socket.io#/#");
        check(SubscriptionMode::Dynamic, &["😀😀😀😀😀😀😀😀😀😀"], "socket.io#/#");
        check(SubscriptionMode::DynamicPrivate, &[id], "socket.io#/#abcdefghijklmnopqrst#");
    }
}
