//! Reading of the classic format. What old nodes write is read too: a missing `except`, `flags` or `nsp`, packets of type 5,
//! requests with `requestid`, `sid` and `room`.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::protocol::cluster::classic_write::types;
use crate::protocol::cluster::{
    Answer, BroadcastFlags, ClassicError, ClassicMessage, EventPacket, MessageBody, NodeId, Question, RemoteSocket,
    Selector,
};
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};
use crate::protocol::payload::Placeholders;
use crate::protocol::socket_io::any_event;
use crate::protocol::{Arity, Attachments, Payload, RawArgs, Violation, exceeds_depth};

/// Bounds of what a node sends: far above what clients may send, and safe to read.
const LIMITS: MsgpackLimits = MsgpackLimits { depth: 512, attachments: 4096 };

/// The uid of an emitter.
const EMITTER: &str = "emitter";

/// The name of a room. JavaScript has rooms named by numbers, too.
#[derive(Deserialize)]
#[serde(untagged)]
enum ReadRoom {
    Text(String),
    Number(Number),
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ReadOpts {
    rooms: Vec<ReadRoom>,
    except: Vec<ReadRoom>,
    flags: Option<ReadFlags>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ReadFlags {
    volatile: Option<bool>,
    compress: Option<bool>,
    timeout: Option<f64>,
    expect_single_response: Option<bool>,
    latest: Option<String>,
    #[serde(rename = "trace_parent")]
    trace_parent: Option<String>,
}

#[derive(Deserialize)]
struct ReadPacket<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    nsp: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadRequest<'a> {
    #[serde(rename = "type")]
    kind: u64,
    uid: Option<Cow<'a, str>>,
    #[serde(alias = "requestid")]
    request_id: Option<String>,
    opts: Option<ReadOpts>,
    rooms: Option<Vec<ReadRoom>>,
    close: Option<bool>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    packet: Option<ReadPacket<'a>>,
    sid: Option<String>,
    room: Option<ReadRoom>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadResponse<'a> {
    #[serde(rename = "type")]
    kind: Option<u64>,
    #[serde(alias = "requestid")]
    request_id: String,
    #[serde(borrow)]
    sockets: Option<&'a RawValue>,
    rooms: Option<Vec<ReadRoom>>,
    client_count: Option<usize>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    packet: Option<&'a RawValue>,
}

impl From<Violation> for ClassicError {
    fn from(violation: Violation) -> Self {
        Self::new(violation.why)
    }
}

impl From<serde_json::Error> for ClassicError {
    fn from(error: serde_json::Error) -> Self {
        Self(Cow::Owned(error.to_string()))
    }
}

/// Reads `[uid, packet, opts]`.
pub(super) fn read_broadcast(namespace: &Arc<str>, bytes: &[u8]) -> Result<ClassicMessage, ClassicError> {
    let mut reader = MsgpackReader::new(bytes, LIMITS);
    if reader.array()? < 3 {
        return Err(ClassicError::new("a broadcast is no list of three"));
    }
    let uid: Option<Cow<'_, str>> = serde_json::from_str(&reader.json()?.0).unwrap_or_default();
    let packet = read_packet(&mut reader, namespace)?;
    let opts: ReadOpts = serde_json::from_str(&reader.json()?.0)?;
    Ok(ClassicMessage::Body { from: sender(uid), body: MessageBody::Broadcast { packet, to: opts.into() } })
}

fn read_packet(reader: &mut MsgpackReader<'_>, namespace: &str) -> Result<EventPacket, ClassicError> {
    let mut event = None;
    let mut addressed = Cow::Borrowed("/");
    for _ in 0..reader.map()? {
        match reader.text()? {
            "data" => event = Some(reader.json()?),
            "nsp" => addressed = nsp(&reader.json()?.0)?,
            _ => drop(reader.json()?),
        }
    }
    check_namespace(namespace, &addressed)?;
    let (list, attachments) = event.ok_or(ClassicError::new("a packet without data"))?;
    event_packet(&list, shared(&list, attachments)?)
}

/// Reads the name of a namespace; old nodes leave it out for `/`.
fn nsp(json: &str) -> Result<Cow<'static, str>, ClassicError> {
    Ok(serde_json::from_str::<Option<String>>(json)?.map_or(Cow::Borrowed("/"), Cow::Owned))
}

fn check_namespace(expected: &str, addressed: &str) -> Result<(), ClassicError> {
    if expected == addressed { Ok(()) } else { Err(ClassicError::new("a packet of another namespace")) }
}

pub(super) fn read_request(namespace: &Arc<str>, bytes: &[u8]) -> Result<ClassicMessage, ClassicError> {
    let (json, attachments) = object(bytes)?;
    let mut request: ReadRequest<'_> = serde_json::from_str(&json)?;
    let from = sender(request.uid.take());
    if request.kind == types::SOCKETS {
        let rooms = names(request.rooms.unwrap_or_default());
        return Ok(ClassicMessage::SocketIds { from, request: id(request.request_id)?, rooms });
    }
    Ok(ClassicMessage::Body { from, body: request.into_body(namespace, attachments)? })
}

impl ReadRequest<'_> {
    fn into_body(self, namespace: &str, attachments: Attachments) -> Result<MessageBody, ClassicError> {
        let Self { kind, request_id, opts, rooms, close, data, packet, sid, room, .. } = self;
        // Requests of nodes before Socket.IO 4 name one socket.
        let to = || match (opts, sid) {
            (Some(opts), _) => Ok(Selector::from(opts)),
            (None, Some(sid)) => Ok(Selector { rooms: vec![sid], ..Selector::default() }),
            (None, None) => Err(ClassicError::new("a request without recipients")),
        };
        let rooms = || names(rooms.unwrap_or_else(|| room.into_iter().collect()));
        Ok(match kind {
            types::JOIN => MessageBody::Join { to: to()?, rooms: rooms() },
            types::LEAVE => MessageBody::Leave { to: to()?, rooms: rooms() },
            types::DISCONNECT => MessageBody::Disconnect { to: to()?, close: close.unwrap_or_default() },
            types::ALL_ROOMS => MessageBody::Ask { request: id(request_id)?, question: Question::Rooms },
            types::FETCH => MessageBody::Ask { request: id(request_id)?, question: Question::Sockets(to()?) },
            types::SERVER_SIDE_EMIT => {
                let list = data.ok_or(ClassicError::new("a server-side event without data"))?.get();
                let packet = event_packet(list, attachments)?;
                match request_id {
                    None => MessageBody::ServerEvent(packet),
                    Some(request) => MessageBody::Ask { request, question: Question::ServerEvent(packet) },
                }
            }
            types::BROADCAST => {
                let packet = packet.ok_or(ClassicError::new("a broadcast without a packet"))?;
                check_namespace(namespace, packet.nsp.as_deref().unwrap_or("/"))?;
                let packet = event_packet(packet.data.get(), attachments)?;
                let question = Question::BroadcastWithAck { packet, to: to()? };
                MessageBody::Ask { request: id(request_id)?, question }
            }
            _ => return Err(ClassicError::new("a request of an unknown type")),
        })
    }
}

pub(super) fn read_response(bytes: &[u8]) -> Result<ClassicMessage, ClassicError> {
    let (json, attachments) = object(bytes)?;
    let ReadResponse { kind, request_id: request, sockets, rooms, client_count, data, packet } =
        serde_json::from_str(&json)?;
    let answer = match (kind, sockets, rooms) {
        (Some(types::SERVER_SIDE_EMIT), ..) => Answer::ServerEvent(one(data, attachments)),
        (Some(types::CLIENT_COUNT), ..) => Answer::ClientCount(client_count.unwrap_or_default()),
        (Some(types::CLIENT_ACK), ..) => Answer::ClientAck(one(packet, attachments)),
        (Some(_), ..) => return Err(ClassicError::new("a response of an unknown type")),
        (None, Some(sockets), _) => Answer::Sockets(read_sockets(sockets.get())?),
        (None, None, Some(rooms)) => Answer::Rooms(names(rooms)),
        (None, None, None) => return Ok(ClassicMessage::Confirmation),
    };
    Ok(ClassicMessage::Answer { request, answer })
}

/// Reads descriptions of sockets. Old nodes list their ids only.
fn read_sockets(json: &str) -> Result<Vec<RemoteSocket>, ClassicError> {
    let sockets: Vec<Value> = serde_json::from_str(json)?;
    let read = |socket| match socket {
        Value::String(id) => Ok(RemoteSocket::new(id)),
        socket => serde_json::from_value(socket),
    };
    Ok(sockets.into_iter().map(read).collect::<Result<_, _>>()?)
}

/// Reads an object in either format as JSON and its binary parts.
fn object(bytes: &[u8]) -> Result<(Cow<'_, str>, Attachments), ClassicError> {
    if bytes.first() == Some(&b'{') {
        let json = std::str::from_utf8(bytes).map_err(|_| ClassicError::new("a text is no UTF-8"))?;
        if exceeds_depth(json, LIMITS.depth) {
            return Err(ClassicError::new("a message is nested too deeply"));
        }
        return Ok((Cow::Borrowed(json), None));
    }
    let (json, attachments) = MsgpackReader::new(bytes, LIMITS).json()?;
    let attachments = shared(&json, attachments)?;
    Ok((Cow::Owned(json), attachments))
}

/// Refuses a text in which a map of the sender would be read as a placeholder.
fn shared(json: &str, attachments: Vec<Bytes>) -> Result<Attachments, ClassicError> {
    if attachments.is_empty() {
        return Ok(None);
    }
    let placeholders = Placeholders::find(json, attachments.len());
    if placeholders.is_none_or(|placeholders| placeholders.len() != attachments.len()) {
        return Err(ClassicError::new("illegal attachments"));
    }
    Ok(Some(attachments.into()))
}

fn event_packet(list: &str, attachments: Attachments) -> Result<EventPacket, ClassicError> {
    let (event, mut payload) = any_event(list)?;
    payload.attachments = attachments;
    Ok(EventPacket { event: event.into_owned(), args: RawArgs::from(payload) })
}

/// Returns the value of an answer; no arguments if there is none.
fn one(value: Option<&RawValue>, attachments: Attachments) -> RawArgs {
    let shape = if value.is_some() { Arity::One } else { Arity::Several };
    RawArgs::from(Payload { json: value.map(Cow::Borrowed), shape, attachments, trace: None })
}

fn sender(uid: Option<Cow<'_, str>>) -> Option<NodeId> {
    uid.filter(|uid| uid != EMITTER).map(|uid| NodeId::new(&*uid))
}

fn id(request: Option<String>) -> Result<String, ClassicError> {
    request.ok_or(ClassicError::new("a request without an id"))
}

fn names(names: Vec<ReadRoom>) -> Vec<String> {
    let text = |name| match name {
        ReadRoom::Text(text) => text,
        ReadRoom::Number(number) => number.to_string(),
    };
    names.into_iter().map(text).collect()
}

impl From<ReadOpts> for Selector {
    fn from(ReadOpts { rooms, except, flags }: ReadOpts) -> Self {
        Self { rooms: names(rooms), except: names(except), flags: flags.unwrap_or_default().into() }
    }
}

impl From<ReadFlags> for BroadcastFlags {
    fn from(flags: ReadFlags) -> Self {
        let ReadFlags { volatile, compress, timeout, expect_single_response, latest, trace_parent } = flags;
        Self {
            volatile: volatile.unwrap_or_default(),
            uncompressed: compress == Some(false),
            timeout: timeout.and_then(|millis| Duration::try_from_secs_f64(millis / 1000.0).ok()),
            single_response: expect_single_response.unwrap_or_default(),
            latest,
            trace_parent,
        }
    }
}

#[cfg(test)]
#[path = "classic_tests.rs"]
mod tests;
