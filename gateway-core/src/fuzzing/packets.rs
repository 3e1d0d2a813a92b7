//! Socket.IO's packets in both forms, and the payloads of long polling.

use crate::protocol::engine_io::{EnginePacket, PayloadWriter, SEPARATOR};
use crate::protocol::socket_io::{PacketLimits, encode, encode_packed};
use crate::protocol::{
    ClientMessage, Codec, ContentRef, DecodeError, EncodeContext, Encoded, Incoming, Message, OpCode, Outgoing,
    RawArgs, ServerFrames, WireFormat,
};

/// Encoding of packets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FuzzForm {
    /// Text, and a binary message for each binary part.
    Text,
    /// A message of MessagePack each.
    Packed,
}

/// An event that a client sent.
#[derive(Clone, Debug, PartialEq)]
pub struct FuzzPacket {
    /// Where to.
    pub namespace: String,
    /// The name.
    pub event: String,
    /// The id of the ack.
    pub id: Option<u64>,
    /// The arguments.
    pub args: RawArgs,
}

/// Reads the messages of one connection; returns the packets, and the violation that ended it.
pub fn read_packets(form: FuzzForm, messages: &[Message], depth: usize) -> (Vec<FuzzPacket>, Option<&'static str>) {
    let limits = PacketLimits { attachments: 10, attachment_bytes: 1024 * 1024, depth };
    let format = match form {
        FuzzForm::Text => WireFormat::SocketIo,
        FuzzForm::Packed => WireFormat::SocketIoMsgpack,
    };
    let mut codec = Codec::new(format, None, limits);
    let mut events = Vec::new();
    let mut deliver = |namespace: Option<&str>, incoming: Incoming<'_>| {
        let (Some(namespace), Incoming::Event(envelope)) = (namespace, incoming) else { return };
        let id = envelope.id.map(|id| id.to_string().parse().expect("a number"));
        let (namespace, event) = (namespace.to_owned(), envelope.event.into_owned());
        events.push(FuzzPacket { namespace, event, id, args: envelope.payload.into() });
    };
    let mut violated = None;
    for message in messages {
        let read = match message {
            Message::Text(text) => codec.decode(ClientMessage::Text(text), &mut deliver),
            Message::Binary(bytes) => codec.decode(ClientMessage::Binary(bytes), &mut deliver),
        };
        match read {
            Ok(()) => {}
            Err(DecodeError::Violation(violation)) => {
                violated = Some(violation.why);
                break;
            }
            Err(DecodeError::Malformed(_) | DecodeError::Panicked) => unreachable!("a packet is whole or a violation"),
        }
    }
    (events, violated)
}

/// The messages that say the same, the engine's packet type taken off.
///
/// # Panics
///
/// When what is written is no frame.
#[must_use]
pub fn write_packet(form: FuzzForm, said: &FuzzPacket) -> Vec<Message> {
    let content = said.args.clone().into_content();
    let outgoing = outgoing(said, content.borrowed());
    let encoded = match form {
        FuzzForm::Text => encode(&said.namespace, &outgoing),
        FuzzForm::Packed => encode_packed(&said.namespace, &outgoing),
    };
    messages(&encoded)
}

/// The frame that tells it to a plain WebSocket.
///
/// # Panics
///
/// When what is written is no frame.
#[must_use]
pub fn write_plain(said: &FuzzPacket) -> String {
    let content = said.args.clone().into_content();
    let encoded = WireFormat::Plain.encode(EncodeContext::new(&said.namespace), &outgoing(said, content.borrowed()));
    let frame = ServerFrames::new(encoded.as_slice()).next().expect("one frame");
    String::from_utf8(frame.payload.to_vec()).expect("a text")
}

fn outgoing<'a>(said: &'a FuzzPacket, content: ContentRef<'a>) -> Outgoing<'a> {
    match said.id {
        Some(ask) => Outgoing::Ask { event: &said.event, content, ask },
        None => Outgoing::Event { event: &said.event, content, offset: None },
    }
}

fn messages(encoded: &Encoded) -> Vec<Message> {
    let mut len = 0;
    let messages = ServerFrames::new(encoded.as_slice())
        .inspect(|frame| len += Encoded::frame(frame.opcode, frame.payload).len())
        .map(|frame| match frame.opcode {
            OpCode::Text => Message::from(std::str::from_utf8(&frame.payload[1..]).expect("a text")),
            _ => Message::from(frame.payload.to_vec()),
        })
        .collect();
    assert_eq!(len, encoded.len(), "whole frames");
    messages
}

/// The messages in a payload of long polling, up to the first packet that is none.
#[must_use]
pub fn read_polled(payload: &str) -> Vec<Message> {
    let packets = payload.split(SEPARATOR).map_while(|packet| EnginePacket::read(packet).ok());
    packets
        .filter_map(|packet| match packet {
            EnginePacket::Message(text) => Some(Message::from(text)),
            EnginePacket::Binary(bytes) => Some(Message::from(bytes.into_owned())),
            _ => None,
        })
        .collect()
}

/// The payload with these messages.
///
/// # Panics
///
/// When it is no UTF-8.
#[must_use]
pub fn write_polled(messages: &[Message]) -> String {
    let mut payload = PayloadWriter::default();
    for message in messages {
        match message {
            Message::Text(text) => payload.text(format!("4{text}").as_bytes()),
            Message::Binary(bytes) => payload.binary(bytes),
        }
    }
    String::from_utf8(payload.into_body()).expect("text and base64")
}
