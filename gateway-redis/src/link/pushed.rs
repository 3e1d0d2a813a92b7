//! Messages of subscribed channels.

use redis::{PushKind, Value};

/// A message of a subscribed channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pushed<'a> {
    /// The subscribed channel or pattern.
    pub(crate) subscription: &'a str,
    /// The channel of the message.
    pub(crate) channel: &'a str,
    pub(crate) payload: &'a [u8],
}

/// The receiver of messages, called from one task at a time.
pub(crate) trait PushReceiver: Send + Sync + 'static {
    fn receive(&self, pushed: Pushed<'_>);
    /// Calls a function that passes messages which came together to [`receive`](PushReceiver::receive).
    fn receive_together(&self, receive: &mut dyn FnMut());
}

impl<'a> Pushed<'a> {
    /// Reads what the server pushed; `None` if it is no message.
    pub(super) fn read(kind: &PushKind, data: &'a [Value]) -> Option<Self> {
        let (subscription, channel, payload) = match (kind, data) {
            (PushKind::Message | PushKind::SMessage, [channel, payload]) => (channel, channel, payload),
            (PushKind::PMessage, [pattern, channel, payload]) => (pattern, channel, payload),
            _ => return None,
        };
        let Value::BulkString(payload) = payload else { return None };
        Some(Self { subscription: text(subscription)?, channel: text(channel)?, payload })
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}
