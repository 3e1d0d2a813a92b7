//! Messages to bytes, with members in the order of Node's adapters.

use bytes::Bytes;
use data_encoding::BASE64;

use crate::protocol::RawArgs;
use crate::protocol::cluster::{
    Answer, BroadcastFlags, ClusterMessage, EventPacket, MessageBody, NodeId, Question, Selector,
};
use crate::protocol::json::{push_integer, push_string};
use crate::protocol::msgpack::MsgpackWriter;

use super::NodeHeartbeat;
use super::kind::{BodyType, MessageType};

/// Encodes a message as JSON, or as MessagePack if it has binary parts. The first byte of JSON is `{`.
#[must_use]
pub fn encode(sender: &NodeId, message: &ClusterMessage) -> Vec<u8> {
    let json = message_json(sender, message);
    match attachments(&message.body) {
        [] => json.into_bytes(),
        attachments => packed(&json, attachments),
    }
}

/// Encodes a message as MessagePack, with or without binary parts.
#[must_use]
pub fn encode_msgpack(sender: &NodeId, message: &ClusterMessage) -> Vec<u8> {
    packed(&message_json(sender, message), attachments(&message.body))
}

/// Encodes the member `data` alone: JSON, or MessagePack in base64 if the message has binary parts. The first character of
/// JSON is `{`.
#[must_use]
pub fn encode_data(body: &MessageBody) -> String {
    let mut json = Vec::with_capacity(256);
    push_data(&mut json, body);
    let json = text(json);
    match attachments(body) {
        [] => json,
        attachments => BASE64.encode(&packed(&json, attachments)),
    }
}

/// Encodes a heartbeat of a namespace as JSON.
#[must_use]
pub fn encode_heartbeat(sender: &NodeId, namespace: &str, heartbeat: NodeHeartbeat) -> String {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(b"{\"type\":");
    push_integer(&mut out, MessageType::Heartbeat(heartbeat).number().into());
    push_sender(&mut out, sender, namespace);
    text(out)
}

/// The number of the message's type, 3 to 12.
#[must_use]
pub fn message_type(body: &MessageBody) -> u8 {
    MessageType::Body(type_of(body)).number()
}

/// Returns `true` if the message has binary parts.
#[must_use]
pub fn has_binary(body: &MessageBody) -> bool {
    !attachments(body).is_empty()
}

fn type_of(body: &MessageBody) -> BodyType {
    match body {
        MessageBody::Broadcast { .. } => BodyType::Broadcast,
        MessageBody::Join { .. } => BodyType::Join,
        MessageBody::Leave { .. } => BodyType::Leave,
        MessageBody::Disconnect { .. } => BodyType::Disconnect,
        MessageBody::ServerEvent(_) => BodyType::ServerEvent,
        MessageBody::Ask { question, .. } => match question {
            Question::Sockets(_) | Question::Rooms => BodyType::Sockets,
            Question::BroadcastWithAck { .. } => BodyType::Broadcast,
            Question::ServerEvent(_) => BodyType::ServerEvent,
        },
        MessageBody::Answer { answer, .. } => match answer {
            Answer::Sockets(_) | Answer::Rooms(_) => BodyType::SocketsAnswer,
            Answer::ClientCount(_) => BodyType::ClientCount,
            Answer::ClientAck(_) => BodyType::ClientAck,
            Answer::ServerEvent(_) => BodyType::ServerEventAnswer,
        },
    }
}

fn attachments(body: &MessageBody) -> &[Bytes] {
    match body {
        MessageBody::Broadcast { packet, .. } | MessageBody::ServerEvent(packet) => packet.args.attachments(),
        MessageBody::Ask { question, .. } => match question {
            Question::BroadcastWithAck { packet, .. } | Question::ServerEvent(packet) => packet.args.attachments(),
            Question::Sockets(_) | Question::Rooms => &[],
        },
        MessageBody::Answer { answer, .. } => match answer {
            Answer::ClientAck(args) | Answer::ServerEvent(args) => args.attachments(),
            Answer::Sockets(_) | Answer::Rooms(_) | Answer::ClientCount(_) => &[],
        },
        MessageBody::Join { .. } | MessageBody::Leave { .. } | MessageBody::Disconnect { .. } => &[],
    }
}

fn packed(json: &str, attachments: &[Bytes]) -> Vec<u8> {
    let size: usize = attachments.iter().map(Bytes::len).sum();
    let mut out = Vec::with_capacity(json.len() + size);
    MsgpackWriter::new(&mut out).json(json, attachments);
    out
}

fn message_json(sender: &NodeId, message: &ClusterMessage) -> String {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"type\":");
    push_integer(&mut out, message_type(&message.body).into());
    out.extend_from_slice(b",\"data\":");
    push_data(&mut out, &message.body);
    push_sender(&mut out, sender, &message.namespace);
    text(out)
}

fn push_sender(out: &mut Vec<u8>, sender: &NodeId, namespace: &str) {
    out.extend_from_slice(b",\"uid\":");
    push_string(out, sender.as_str());
    out.extend_from_slice(b",\"nsp\":");
    push_string(out, namespace);
    out.push(b'}');
}

fn push_data(out: &mut Vec<u8>, body: &MessageBody) {
    match body {
        MessageBody::Broadcast { packet, to } => {
            push_event_packet(out, packet);
            push_event_options(out, packet, to);
        }
        MessageBody::Join { to, rooms } | MessageBody::Leave { to, rooms } => {
            push_options(out, "{\"opts\":", to);
            push_texts(out, ",\"rooms\":", rooms);
        }
        MessageBody::Disconnect { to, close } => {
            push_options(out, "{\"opts\":", to);
            out.extend_from_slice(if *close { b",\"close\":true" } else { b",\"close\":false" });
        }
        MessageBody::ServerEvent(packet) => {
            out.extend_from_slice(b"{\"packet\":");
            push_event(out, packet);
        }
        MessageBody::Ask { request, question } => push_question(out, request, question),
        MessageBody::Answer { request, answer, asker: _ } => push_answer(out, request, answer),
    }
    out.push(b'}');
}

fn push_question(out: &mut Vec<u8>, request: &str, question: &Question) {
    match question {
        Question::Sockets(to) => {
            push_options(out, "{\"opts\":", to);
            push_text(out, ",\"requestId\":", request);
        }
        Question::Rooms => {
            push_options(out, "{\"opts\":", &Selector::default());
            push_text(out, ",\"requestId\":", request);
            out.extend_from_slice(b",\"allRooms\":true");
        }
        Question::BroadcastWithAck { packet, to } => {
            push_event_packet(out, packet);
            push_text(out, ",\"requestId\":", request);
            push_event_options(out, packet, to);
        }
        Question::ServerEvent(packet) => {
            push_text(out, "{\"requestId\":", request);
            out.extend_from_slice(b",\"packet\":");
            push_event(out, packet);
        }
    }
}

fn push_answer(out: &mut Vec<u8>, request: &str, answer: &Answer) {
    push_text(out, "{\"requestId\":", request);
    match answer {
        Answer::Sockets(sockets) => {
            out.extend_from_slice(b",\"sockets\":");
            serde_json::to_writer(&mut *out, sockets).expect("values of JSON");
        }
        Answer::Rooms(rooms) => {
            out.extend_from_slice(b",\"sockets\":[]");
            push_texts(out, ",\"rooms\":", rooms);
        }
        Answer::ClientCount(count) => {
            out.extend_from_slice(b",\"clientCount\":");
            push_integer(out, *count as u64);
        }
        Answer::ClientAck(args) | Answer::ServerEvent(args) => push_answered(out, args),
    }
}

/// Node's adapters answer with the first argument.
fn push_answered(out: &mut Vec<u8>, args: &RawArgs) {
    let mut elements = args.elements();
    let Some(first) = elements.next() else { return };
    out.extend_from_slice(b",\"packet\":");
    out.extend_from_slice(first.as_bytes());
    if elements.next().is_some() {
        out.extend_from_slice(b",\"args\":");
        out.extend_from_slice(args.json().as_bytes());
    }
}

fn push_event_packet(out: &mut Vec<u8>, packet: &EventPacket) {
    out.extend_from_slice(b"{\"packet\":{\"type\":2,\"data\":");
    push_event(out, packet);
    out.push(b'}');
}

fn push_event(out: &mut Vec<u8>, EventPacket { event, args }: &EventPacket) {
    out.push(b'[');
    push_string(out, event);
    for argument in args.elements() {
        out.push(b',');
        out.extend_from_slice(argument.as_bytes());
    }
    out.push(b']');
}

fn push_options(out: &mut Vec<u8>, name: &str, to: &Selector) {
    out.extend_from_slice(name.as_bytes());
    push_selector(out, to, false);
}

fn push_event_options(out: &mut Vec<u8>, packet: &EventPacket, to: &Selector) {
    out.extend_from_slice(b",\"opts\":");
    push_selector(out, to, packet.args.is_list_of_one_list());
}

fn push_selector(out: &mut Vec<u8>, Selector { rooms, except, flags }: &Selector, is_list_of_one_list: bool) {
    push_texts(out, "{\"rooms\":", rooms);
    push_texts(out, ",\"except\":", except);
    out.extend_from_slice(b",\"flags\":{");
    push_flags(out, flags, is_list_of_one_list);
    out.extend_from_slice(b"}}");
}

fn push_flags(out: &mut Vec<u8>, flags: &BroadcastFlags, is_list_of_one_list: bool) {
    let BroadcastFlags { volatile, uncompressed, timeout, single_response, latest, trace_parent } = flags;
    let start = out.len();
    if *volatile {
        out.extend_from_slice(b",\"volatile\":true");
    }
    if *uncompressed {
        out.extend_from_slice(b",\"compress\":false");
    }
    if let Some(timeout) = timeout {
        out.extend_from_slice(b",\"timeout\":");
        push_integer(out, u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
    }
    if *single_response {
        out.extend_from_slice(b",\"expectSingleResponse\":true");
    }
    if let Some(key) = latest {
        push_text(out, ",\"latest\":", key);
    }
    if let Some(parent) = trace_parent {
        push_text(out, ",\"traceparent\":", parent);
    }
    if is_list_of_one_list {
        out.extend_from_slice(b",\"list\":true");
    }
    if out.len() > start {
        out.remove(start);
    }
}

fn push_texts(out: &mut Vec<u8>, name: &str, texts: &[String]) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'[');
    for (index, text) in texts.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, text);
    }
    out.push(b']');
}

fn push_text(out: &mut Vec<u8>, name: &str, text: &str) {
    out.extend_from_slice(name.as_bytes());
    push_string(out, text);
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON of texts")
}
