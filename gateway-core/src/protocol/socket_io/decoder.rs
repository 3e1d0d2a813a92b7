//! Decoder of a connection's packets. Keeps only a packet that waits for its binary parts.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::protocol::payload::Placeholders;
use crate::protocol::socket_io::head::{Head, PacketType};
use crate::protocol::socket_io::packet_limits::{DeliverPacket, PacketLimits, auth, request_id};
use crate::protocol::socket_io::{arguments, packet_msgpack};
use crate::protocol::{Envelope, Incoming, Payload, RequestId, Violation};

/// Encoding of the peer's packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum PacketForm {
    Text,
    Packed,
}

/// The packet decoder of a connection.
#[derive(Debug)]
pub(crate) struct PacketDecoder {
    form: PacketForm,
    limits: PacketLimits,
    // Boxed: nearly always absent.
    pub(super) pending: Option<Box<PartialPacket>>,
    /// Number of packets with binary parts, so that a deadline belongs to one of them.
    waited: u64,
}

/// A packet that waits for its binary parts.
#[derive(Debug)]
pub(super) struct PartialPacket {
    namespace: Box<str>,
    said: PacketContent,
    payload: Payload<'static>,
    /// The part that each placeholder names.
    order: Vec<usize>,
    wanted: usize,
    parts: Vec<Bytes>,
    bytes: usize,
}

/// Content of a packet with binary parts.
#[derive(Debug)]
enum PacketContent {
    Event {
        event: Box<str>,
        id: Option<RequestId>,
    },
    Answer {
        ask: u64,
    },
    /// A well-formed packet without a meaning.
    Nothing,
}

impl PacketDecoder {
    pub(crate) fn new(limits: PacketLimits) -> Self {
        Self { form: PacketForm::Text, limits, pending: None, waited: 0 }
    }

    /// Creates a decoder for MessagePack packets.
    pub(crate) fn packed(limits: PacketLimits) -> Self {
        Self { form: PacketForm::Packed, limits, pending: None, waited: 0 }
    }

    /// Number of the packet that waits for its binary parts, if any.
    pub(crate) fn assembling(&self) -> Option<u64> {
        self.pending.as_ref().map(|_| self.waited)
    }

    /// Decodes the text after the engine's packet type `4`.
    ///
    /// # Errors
    ///
    /// A violation, which ends the connection. Nothing may be fed after it.
    pub(crate) fn text(&mut self, text: &str, deliver: &mut DeliverPacket<'_>) -> Result<(), Violation> {
        if self.pending.is_some() || self.form == PacketForm::Packed {
            return Err(Violation::new("a text message in place of a binary one"));
        }
        // The usual packet has neither namespace nor id.
        if text.starts_with("2[") {
            let (event, payload) = arguments::event(&text[1..])?;
            deliver(Some("/"), Incoming::Event(Envelope { event, payload, id: None }));
            return Ok(());
        }
        let head = Head::parse(text)?;
        let incoming = match head.packet {
            PacketType::Connect => Incoming::Connect { auth: auth(head.json)? },
            PacketType::Disconnect if head.json.is_empty() => Incoming::Disconnect,
            PacketType::Disconnect => return Err(Violation::new("a disconnect packet with a payload")),
            PacketType::Event | PacketType::Ack if head.attachments.is_some() => {
                self.pending = Some(Box::new(PartialPacket::new(&head, self.limits)?));
                self.waited += 1;
                return Ok(());
            }
            // The reference server ignores an event without a name.
            PacketType::Event if head.json.is_empty() => Incoming::Nothing,
            PacketType::Event => {
                let (event, payload) = arguments::event(head.json)?;
                Incoming::Event(Envelope { event, payload, id: head.id.map(request_id) })
            }
            PacketType::Ack => {
                let payload = if head.json.is_empty() { arguments::none() } else { arguments::answer(head.json)? };
                head.id.map_or(Incoming::Nothing, |ask| Incoming::Answer { ask, outcome: Ok(payload) })
            }
        };
        deliver(Some(head.namespace), incoming);
        Ok(())
    }

    /// Reads a binary message.
    ///
    /// # Errors
    ///
    /// A violation, which ends the connection. Nothing may be fed after it.
    pub(crate) fn binary(&mut self, part: &[u8], deliver: &mut DeliverPacket<'_>) -> Result<(), Violation> {
        if self.form == PacketForm::Packed {
            return packet_msgpack::decode(part, self.limits, deliver);
        }
        let mut pending = self.pending.take().ok_or(Violation::new("a binary message that belongs to no packet"))?;
        pending.bytes += part.len();
        if pending.bytes > self.limits.attachment_bytes {
            return Err(too_large());
        }
        pending.parts.push(Bytes::copy_from_slice(part));
        if pending.parts.len() < pending.wanted {
            self.pending = Some(pending);
            return Ok(());
        }
        pending.finish(self.limits, deliver)
    }
}

impl PartialPacket {
    fn new(head: &Head<'_>, limits: PacketLimits) -> Result<Self, Violation> {
        let wanted = head.attachments.unwrap_or_default();
        if wanted > limits.attachments {
            return Err(Violation::new("too many attachments"));
        }
        let (said, payload) = match head.packet {
            _ if head.json.is_empty() => (PacketContent::Nothing, Payload::default()),
            PacketType::Event => {
                let (event, payload) = arguments::event(head.json)?;
                (PacketContent::Event { event: event.into(), id: head.id.map(request_id) }, payload)
            }
            PacketType::Ack | PacketType::Connect | PacketType::Disconnect => {
                let payload = arguments::answer(head.json)?;
                (head.id.map_or(PacketContent::Nothing, |ask| PacketContent::Answer { ask }), payload)
            }
        };
        // More placeholders than the limit of parts would let a few bytes stand for many.
        let placeholders = Placeholders::find(payload.text(), limits.attachments);
        let placeholders = placeholders.ok_or(Violation::new("too many placeholders"))?;
        let order = placeholders.order(wanted).ok_or(Violation::new("illegal attachments"))?;
        let payload = match placeholders.renumbered(payload.text()) {
            Some(json) => Payload { json: Some(Cow::Owned(json)), ..payload },
            None => payload,
        };
        Ok(Self {
            namespace: head.namespace.into(),
            said,
            payload: payload.into_owned(),
            order,
            wanted,
            parts: Vec::new(),
            bytes: 0,
        })
    }

    fn finish(self, limits: PacketLimits, deliver: &mut DeliverPacket<'_>) -> Result<(), Violation> {
        let Self { namespace, said, mut payload, order, parts, .. } = self;
        let attachments: Arc<[Bytes]> = order.into_iter().map(|part| parts[part].clone()).collect();
        if attachments.iter().map(Bytes::len).sum::<usize>() > limits.attachment_bytes {
            return Err(too_large());
        }
        payload.attachments = (!attachments.is_empty()).then_some(attachments);
        let incoming = match said {
            PacketContent::Event { event, id } => {
                Incoming::Event(Envelope { event: event.into_string().into(), payload, id })
            }
            PacketContent::Answer { ask } => Incoming::Answer { ask, outcome: Ok(payload) },
            PacketContent::Nothing => Incoming::Nothing,
        };
        deliver(Some(&namespace), incoming);
        Ok(())
    }
}

fn too_large() -> Violation {
    Violation::new("too many bytes in attachments")
}
