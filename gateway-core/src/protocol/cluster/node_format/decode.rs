//! Bytes to messages. Tolerates what older adapters and emitters leave out.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use data_encoding::BASE64;

use crate::protocol::cluster::{ClusterMessage, NodeId};
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};
use crate::protocol::{Violation, exceeds_depth};

use super::body::DataParts;
use super::kind::MessageType;
use super::shape::{JsonText, MessageMembers, parsed};
use super::{NodeEnvelope, NodeFormatError, NodeFormatLimits, NodeMessage};

/// The id under which all emitters send.
const EMITTER: &str = "emitter";

/// A decoder of messages that other nodes sent to this one.
#[derive(Clone, Debug)]
pub struct NodeDecoder {
    node: NodeId,
    limits: NodeFormatLimits,
}

/// The parts of a message that stand beside each other, as in an entry of a Redis stream.
#[derive(Clone, Copy, Debug)]
pub struct NodeFields<'a> {
    /// The number of the type.
    pub message_type: u64,
    /// JSON, or MessagePack in base64; see [`encode_data`](super::encode_data).
    pub data: Option<&'a str>,
    /// The id of the sender.
    pub sender: Option<&'a str>,
    /// The namespace.
    pub namespace: &'a Arc<str>,
}

/// The JSON of a message, and its binary parts.
struct Unpacked<'a> {
    number: u64,
    json: Option<Cow<'a, str>>,
    attachments: Vec<Bytes>,
    sender: Option<&'a str>,
    namespace: Option<&'a str>,
}

impl NodeDecoder {
    /// Creates the decoder of the node with this id. Its own messages are skipped, and answers are taken to be for it: the
    /// format does not name the node that asked.
    #[must_use]
    pub fn new(node: NodeId, limits: NodeFormatLimits) -> Self {
        Self { node, limits }
    }

    /// Decodes a message that arrived on a channel of this namespace: JSON if its first byte is `{`, else MessagePack.
    /// Returns `None` for the node's own message.
    ///
    /// # Errors
    ///
    /// [`NodeFormatError`] for what is no message of this format or this namespace.
    pub fn decode(&self, bytes: &[u8], channel: &Arc<str>) -> Result<Option<NodeEnvelope>, NodeFormatError> {
        if bytes.first() != Some(&b'{') {
            return self.understand(self.unpack(bytes)?, channel);
        }
        let json = std::str::from_utf8(bytes).map_err(|_| NodeFormatError::Malformed("no UTF-8"))?;
        if exceeds_depth(json, self.limits.depth) {
            return Err(NodeFormatError::Malformed("nested too deeply"));
        }
        let message: MessageMembers<'_> = parsed(json)?;
        let unpacked = Unpacked {
            number: message.number.ok_or(NodeFormatError::Malformed("no type"))?,
            json: message.data.map(|data| Cow::Borrowed(data.get())),
            attachments: Vec::new(),
            sender: message.uid.as_ref().map(|JsonText(uid)| &**uid),
            namespace: message.nsp.as_ref().map(|JsonText(nsp)| &**nsp),
        };
        self.understand(unpacked, channel)
    }

    /// Decodes a message whose parts stand beside each other. Returns `None` for the node's own message.
    ///
    /// # Errors
    ///
    /// [`NodeFormatError`] for what is no message of this format.
    pub fn decode_fields(&self, fields: NodeFields<'_>) -> Result<Option<NodeEnvelope>, NodeFormatError> {
        let NodeFields { message_type, data, sender, namespace } = fields;
        if self.is_own(sender) {
            return Ok(None);
        }
        let (json, attachments) = match data {
            Some(data) if !data.starts_with('{') && !data.is_empty() => {
                let packed = BASE64.decode(data.as_bytes());
                let packed = packed.map_err(|_| NodeFormatError::Malformed("no base64"))?;
                let mut reader = MsgpackReader::new(&packed, self.msgpack_limits());
                let (json, attachments) = reader.json().map_err(malformed)?;
                at_end(&reader)?;
                (Some(Cow::Owned(json)), attachments)
            }
            Some(json) if exceeds_depth(json, self.limits.depth) => {
                return Err(NodeFormatError::Malformed("nested too deeply"));
            }
            json => (json.map(Cow::Borrowed), Vec::new()),
        };
        let unpacked = Unpacked { number: message_type, json, attachments, sender, namespace: None };
        self.understand(unpacked, namespace)
    }

    fn unpack<'a>(&self, bytes: &'a [u8]) -> Result<Unpacked<'a>, NodeFormatError> {
        let mut reader = MsgpackReader::new(bytes, self.msgpack_limits());
        let mut number = None;
        let (mut data, mut sender, mut namespace) = (None, None, None);
        for _ in 0..reader.map().map_err(malformed)? {
            match reader.text().map_err(malformed)? {
                "type" => number = reader.natural().map_err(malformed)?,
                "data" => data = Some(reader.json().map_err(malformed)?),
                "uid" => sender = Some(reader.text().map_err(malformed)?),
                "nsp" => namespace = Some(reader.text().map_err(malformed)?),
                _ => drop(reader.json().map_err(malformed)?),
            }
        }
        at_end(&reader)?;
        let (json, attachments) = data.map_or_else(Default::default, |(json, parts)| (Some(Cow::Owned(json)), parts));
        let number = number.ok_or(NodeFormatError::Malformed("no type"))?;
        Ok(Unpacked { number, json, attachments, sender, namespace })
    }

    fn msgpack_limits(&self) -> MsgpackLimits {
        MsgpackLimits { depth: self.limits.depth, attachments: self.limits.attachments }
    }

    fn is_own(&self, sender: Option<&str>) -> bool {
        sender == Some(self.node.as_str())
    }

    fn understand(&self, unpacked: Unpacked<'_>, channel: &Arc<str>) -> Result<Option<NodeEnvelope>, NodeFormatError> {
        let Unpacked { number, json, attachments, sender, namespace } = unpacked;
        if self.is_own(sender) {
            return Ok(None);
        }
        let message_type = MessageType::try_from(number)?;
        if namespace.is_some_and(|namespace| namespace != &**channel) {
            return Err(NodeFormatError::OtherNamespace);
        }
        let message = match message_type {
            MessageType::Heartbeat(heartbeat) => NodeMessage::Heartbeat { namespace: Arc::clone(channel), heartbeat },
            MessageType::Body(body_type) => {
                let json = json.ok_or(NodeFormatError::Malformed("no data"))?;
                let parts = DataParts { json: &json, attachments: &attachments };
                let body = parts.check()?.read(body_type, channel, &self.node)?;
                NodeMessage::Message(ClusterMessage { namespace: Arc::clone(channel), body })
            }
        };
        let from = sender.filter(|sender| *sender != EMITTER).map(NodeId::new);
        Ok(Some(NodeEnvelope { from, message }))
    }
}

fn at_end(reader: &MsgpackReader<'_>) -> Result<(), NodeFormatError> {
    if reader.is_empty() { Ok(()) } else { Err(NodeFormatError::Malformed("bytes behind a message")) }
}

fn malformed(violation: Violation) -> NodeFormatError {
    NodeFormatError::Malformed(violation.why)
}
