//! Writing of the classic format.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::protocol::cluster::{
    Answer, BroadcastFlags, ClassicSender, EventPacket, MessageBody, NodeId, Question, RemoteSocket, Selector,
};
use crate::protocol::json::{push_integer, push_string};
use crate::protocol::msgpack::MsgpackWriter;
use crate::protocol::payload::around_placeholders;
use crate::protocol::socket_io::write_arguments;
use crate::protocol::{Content, ContentRef, RawArgs};

/// Types of requests and responses.
pub(super) mod types {
    pub(in crate::protocol::cluster) const SOCKETS: u64 = 0;
    pub(in crate::protocol::cluster) const ALL_ROOMS: u64 = 1;
    pub(in crate::protocol::cluster) const JOIN: u64 = 2;
    pub(in crate::protocol::cluster) const LEAVE: u64 = 3;
    pub(in crate::protocol::cluster) const DISCONNECT: u64 = 4;
    pub(in crate::protocol::cluster) const FETCH: u64 = 5;
    pub(in crate::protocol::cluster) const SERVER_SIDE_EMIT: u64 = 6;
    pub(in crate::protocol::cluster) const BROADCAST: u64 = 7;
    pub(in crate::protocol::cluster) const CLIENT_COUNT: u64 = 8;
    pub(in crate::protocol::cluster) const CLIENT_ACK: u64 = 9;
}

/// The type of an event's packet; nodes before Socket.IO 3 send events with binary parts as type 5.
const EVENT: u64 = 2;

/// Members of a request in JSON, in the order in which Node's adapter writes them.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    r#type: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    opts: Option<SelectedRooms<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    close: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct SelectedRooms<'a> {
    rooms: &'a [String],
    except: &'a [String],
}

/// Members of a response in JSON.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseMembers<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<u64>,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sockets: Option<&'a [RemoteSocket]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rooms: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Box<RawValue>>,
}

/// Writes `[uid, packet, opts]`.
pub(super) fn write_broadcast(
    sender: ClassicSender<'_>,
    namespace: &str,
    packet: &EventPacket,
    to: &Selector,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128 + packet.args.content().json.len());
    let mut out = MsgpackWriter::new(&mut bytes);
    out.array(3);
    out.text(uid(sender));
    write_packet(&mut out, namespace, packet);
    write_opts(&mut out, sender, to, packet);
    bytes
}

pub(super) fn write_request(sender: ClassicSender<'_>, namespace: &str, body: &MessageBody) -> Vec<u8> {
    let of_node = match sender {
        ClassicSender::Node(id) => Some(id.as_str()),
        // An emitter names itself in server-side events only.
        ClassicSender::Emitter => None,
    };
    match body {
        MessageBody::Join { to, rooms } => json(&RequestMembers {
            uid: of_node,
            r#type: types::JOIN,
            opts: Some(selected(to)),
            rooms: Some(rooms),
            ..RequestMembers::default()
        }),
        MessageBody::Leave { to, rooms } => json(&RequestMembers {
            uid: of_node,
            r#type: types::LEAVE,
            opts: Some(selected(to)),
            rooms: Some(rooms),
            ..RequestMembers::default()
        }),
        MessageBody::Disconnect { to, close } => json(&RequestMembers {
            uid: of_node,
            r#type: types::DISCONNECT,
            opts: Some(selected(to)),
            close: Some(*close),
            ..RequestMembers::default()
        }),
        MessageBody::ServerEvent(packet) => json(&RequestMembers {
            uid: Some(uid(sender)),
            r#type: types::SERVER_SIDE_EMIT,
            data: Some(event_list(packet)),
            ..RequestMembers::default()
        }),
        MessageBody::Ask { request, question } => write_question(sender, namespace, request, question),
        MessageBody::Broadcast { .. } | MessageBody::Answer { .. } => unreachable!("written on other channels"),
    }
}

fn write_question(sender: ClassicSender<'_>, namespace: &str, request: &str, question: &Question) -> Vec<u8> {
    let members = RequestMembers { uid: Some(uid(sender)), request_id: Some(request), ..RequestMembers::default() };
    match question {
        Question::Sockets(to) => json(&RequestMembers { r#type: types::FETCH, opts: Some(selected(to)), ..members }),
        Question::Rooms => json(&RequestMembers { r#type: types::ALL_ROOMS, ..members }),
        Question::ServerEvent(packet) => {
            json(&RequestMembers { r#type: types::SERVER_SIDE_EMIT, data: Some(event_list(packet)), ..members })
        }
        Question::BroadcastWithAck { packet, to } => {
            let mut bytes = Vec::with_capacity(160 + packet.args.content().json.len());
            let mut out = MsgpackWriter::new(&mut bytes);
            out.map(5);
            out.text("uid");
            out.text(uid(sender));
            out.text("requestId");
            out.text(request);
            out.text("type");
            out.natural(types::BROADCAST);
            out.text("packet");
            write_packet(&mut out, namespace, packet);
            out.text("opts");
            write_opts(&mut out, sender, to, packet);
            bytes
        }
    }
}

pub(super) fn write_answer(request: &str, answer: &Answer) -> Vec<u8> {
    let members = ResponseMembers { request_id: request, ..ResponseMembers::default() };
    match answer {
        Answer::Sockets(sockets) => json(&ResponseMembers { sockets: Some(sockets), ..members }),
        Answer::Rooms(rooms) => json(&ResponseMembers { rooms: Some(rooms), ..members }),
        Answer::ClientCount(clients) => {
            json(&ResponseMembers { r#type: Some(types::CLIENT_COUNT), client_count: Some(*clients), ..members })
        }
        Answer::ServerEvent(args) => {
            let plain = plain(args);
            let mut elements = plain.elements();
            let data = elements.next().map(|first| raw(first.to_owned()));
            let all = elements.next().map(|_| raw(plain.json().into_owned()));
            json(&ResponseMembers { r#type: Some(types::SERVER_SIDE_EMIT), data, args: all, ..members })
        }
        Answer::ClientAck(args) => write_client_ack(request, args),
    }
}

/// Node's adapters answer with the first argument. Several are beside it, for nodes of this framework.
fn write_client_ack(request: &str, args: &RawArgs) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + args.content().json.len());
    let mut out = MsgpackWriter::new(&mut bytes);
    let mut elements = args.elements();
    let (first, has_more) = (elements.next(), elements.next().is_some());
    out.map(2 + usize::from(first.is_some()) + usize::from(has_more));
    out.text("type");
    out.natural(types::CLIENT_ACK);
    out.text("requestId");
    out.text(request);
    if let Some(first) = first {
        out.text("packet");
        out.json(first, args.attachments());
    }
    if has_more {
        out.text("args");
        out.json(&args.json(), args.attachments());
    }
    bytes
}

fn uid(sender: ClassicSender<'_>) -> &str {
    match sender {
        ClassicSender::Node(id) => NodeId::as_str(id),
        ClassicSender::Emitter => "emitter",
    }
}

fn selected(to: &Selector) -> SelectedRooms<'_> {
    SelectedRooms { rooms: &to.rooms, except: &to.except }
}

fn write_packet(out: &mut MsgpackWriter<'_>, namespace: &str, packet: &EventPacket) {
    out.map(3);
    out.text("type");
    out.natural(EVENT);
    out.text("data");
    write_arguments(out, Some(&packet.event), packet.args.content(), None);
    out.text("nsp");
    out.text(namespace);
}

fn write_opts(out: &mut MsgpackWriter<'_>, sender: ClassicSender<'_>, to: &Selector, packet: &EventPacket) {
    let is_list = packet.args.is_list_of_one_list();
    out.map(3);
    write_names(out, "rooms", &to.rooms);
    match sender {
        ClassicSender::Node(_) => {
            write_names(out, "except", &to.except);
            write_flags(out, &to.flags, is_list);
        }
        ClassicSender::Emitter => {
            write_flags(out, &to.flags, is_list);
            write_names(out, "except", &to.except);
        }
    }
}

fn write_names(out: &mut MsgpackWriter<'_>, member: &str, names: &[String]) {
    out.text(member);
    out.array(names.len());
    for name in names {
        out.text(name);
    }
}

/// Writes the flags that are set, as Node does.
fn write_flags(out: &mut MsgpackWriter<'_>, flags: &BroadcastFlags, is_list_of_one_list: bool) {
    let BroadcastFlags { volatile, uncompressed, timeout, single_response, latest, trace_parent } = flags;
    let truths = [*volatile, *uncompressed, *single_response, is_list_of_one_list];
    let values = [timeout.is_some(), latest.is_some(), trace_parent.is_some()];
    out.text("flags");
    out.map(truths.iter().chain(&values).filter(|is_set| **is_set).count());
    if *volatile {
        out.text("volatile");
        out.json("true", &[]);
    }
    if *uncompressed {
        out.text("compress");
        out.json("false", &[]);
    }
    if let Some(timeout) = timeout {
        out.text("timeout");
        out.natural(milliseconds(*timeout));
    }
    if *single_response {
        out.text("expectSingleResponse");
        out.json("true", &[]);
    }
    for (name, value) in [("latest", latest), ("traceparent", trace_parent)] {
        if let Some(value) = value {
            out.text(name);
            out.text(value);
        }
    }
    if is_list_of_one_list {
        out.text("list");
        out.json("true", &[]);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("texts, numbers and JSON")
}

fn raw(json: String) -> Box<RawValue> {
    RawValue::from_string(json).expect("arguments are JSON")
}

/// Returns `[event, ...arguments]`.
fn event_list(packet: &EventPacket) -> Box<RawValue> {
    let arguments = plain(&packet.args);
    let mut json = Vec::with_capacity(packet.event.len() + arguments.content().json.len() + 4);
    json.push(b'[');
    push_string(&mut json, &packet.event);
    for argument in arguments.elements() {
        json.push(b',');
        json.extend_from_slice(argument.as_bytes());
    }
    json.push(b']');
    raw(String::from_utf8(json).expect("JSON of texts"))
}

/// Returns arguments in which bytes are as `JSON.stringify` writes a `Buffer`.
fn plain(args: &RawArgs) -> Cow<'_, RawArgs> {
    let ContentRef { json, shape, attachments } = args.content();
    if attachments.is_empty() {
        return Cow::Borrowed(args);
    }
    let mut texts = around_placeholders(json);
    let mut plain = texts.next().unwrap_or_default().as_bytes().to_vec();
    for (bytes, text) in attachments.iter().zip(texts) {
        plain.extend_from_slice(br#"{"type":"Buffer","data":["#);
        for (position, byte) in bytes.iter().enumerate() {
            if position > 0 {
                plain.push(b',');
            }
            push_integer(&mut plain, u64::from(*byte));
        }
        plain.extend_from_slice(b"]}");
        plain.extend_from_slice(text.as_bytes());
    }
    let json = String::from_utf8(plain).expect("a text and numbers");
    Cow::Owned(Content { json, shape, attachments: Vec::new() }.into())
}
