//! Entries of a stream, and their fields.

use std::sync::Arc;

use gateway_core::cluster::node_format::{NodeDecoder, NodeEnvelope, NodeFields, NodeMessage};
use gateway_core::cluster::{ClusterNode, NodeId, Received};
use redis::{RedisResult, Value};

use crate::sharded::Namespaces;
use crate::streams::position::{EntryId, id_of, malformed};

/// An entry as it was read.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EntryId,
    /// Names and values, one after the other.
    fields: Vec<Value>,
}

/// The side of an engine that takes entries.
#[derive(Clone)]
pub(super) struct EntryReceiver {
    /// The namespaces that are served, by name.
    pub(super) namespaces: Arc<Namespaces>,
    pub(super) decoder: NodeDecoder,
    pub(super) node: ClusterNode,
    pub(super) node_id: NodeId,
}

/// The type of events for clients.
const BROADCAST: &str = "3";

impl Entry {
    /// Reads the answer to `XRANGE`.
    pub(super) fn read_range(answer: Value) -> RedisResult<Vec<Self>> {
        match answer {
            Value::Nil => Ok(Vec::new()),
            Value::Array(entries) => entries.into_iter().map(Self::read).collect(),
            _ => Err(malformed()),
        }
    }

    /// Reads the answer to `XREAD` of one stream.
    pub(super) fn read_stream(answer: Value) -> RedisResult<Vec<Self>> {
        let entries = match answer {
            Value::Nil => None,
            Value::Map(mut streams) => streams.pop().map(|(_, entries)| entries),
            Value::Array(mut streams) => match streams.pop() {
                Some(Value::Array(mut stream)) => stream.pop(),
                _ => None,
            },
            _ => return Err(malformed()),
        };
        entries.map_or_else(|| Ok(Vec::new()), Self::read_range)
    }

    fn read(entry: Value) -> RedisResult<Self> {
        let Value::Array(parts) = entry else { return Err(malformed()) };
        let mut parts = parts.into_iter();
        let id = parts.next().as_ref().and_then(id_of).ok_or_else(malformed)?;
        match parts.next() {
            Some(Value::Array(fields)) => Ok(Self { id, fields }),
            _ => Ok(Self { id, fields: Vec::new() }),
        }
    }

    /// The text of a field.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        let pair = self.fields.chunks_exact(2).find(|pair| text(&pair[0]) == Some(name))?;
        text(&pair[1])
    }

    fn bytes(&self) -> usize {
        let length = |value: &Value| text(value).map_or(0, str::len);
        self.fields.iter().map(length).sum()
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

impl EntryReceiver {
    /// Reports an own event, also of a namespace that was given up meanwhile.
    fn read_back(&self, entry: &Entry) {
        if let (Some(BROADCAST), Some(namespace)) = (entry.field("type"), entry.field("nsp")) {
            self.node.logged(namespace, &entry.id.to_string());
        }
    }

    pub(super) fn receive(&self, entry: &Entry) {
        if entry.field("uid") == Some(self.node_id.as_str()) {
            return self.read_back(entry);
        }
        let Some(namespace) = entry.field("nsp").and_then(|namespace| self.namespaces.get(namespace)) else { return };
        self.node.count_bytes(entry.bytes(), 0);
        let Some(message_type) = entry.field("type").and_then(|number| number.parse().ok()) else {
            return self.node.ignore("an entry without a type");
        };
        let fields =
            NodeFields { message_type, data: entry.field("data"), sender: entry.field("uid"), namespace: &namespace };
        match self.decoder.decode_fields(fields) {
            Ok(Some(NodeEnvelope { from, message: NodeMessage::Message(message) })) => {
                self.node.receive(Received { from, message, offset: Some(entry.id.to_string()) });
            }
            // Adapters before 0.3 send signs of life.
            Ok(None | Some(NodeEnvelope { message: NodeMessage::Heartbeat { .. }, .. })) => {}
            Err(error) => self.node.ignore(&error.to_string()),
        }
    }
}
