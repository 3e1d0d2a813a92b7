//! Reading of the classic format. What old nodes write is read too: a missing `except`, `flags` or `nsp`, packets of type 5,
//! requests with `requestid`, `sid` and `room`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::cluster::classic_write::types;
use crate::protocol::cluster::node_format::SelectorMembers;
use crate::protocol::cluster::tolerant::{SentRoomName, room_names};
use crate::protocol::cluster::{
    Answer, ClassicError, ClassicMessage, EventPacket, MessageBody, NodeId, Question, RemoteSocket, Selector,
};
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};
use crate::protocol::payload::{Placeholders, keep_named};
use crate::protocol::socket_io::{answer_arguments, any_event};
use crate::protocol::{Attachments, Payload, RawArgs, Violation, exceeds_depth};

/// Bounds of what a node sends, as in Node's other format: far above what clients may send, and safe to read.
const LIMITS: MsgpackLimits = MsgpackLimits { depth: 160, attachments: 10_000 };

/// The uid of an emitter.
const EMITTER: &str = "emitter";

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
    opts: Option<SelectorMembers>,
    rooms: Option<Vec<SentRoomName>>,
    close: Option<bool>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    packet: Option<ReadPacket<'a>>,
    sid: Option<String>,
    room: Option<SentRoomName>,
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
    rooms: Option<Vec<SentRoomName>>,
    client_count: Option<usize>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    packet: Option<&'a RawValue>,
    /// All arguments, if there are several: known to nodes of this framework only.
    #[serde(borrow)]
    args: Option<&'a RawValue>,
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

/// A message; `None` for the node's own.
type ReadResult = Result<Option<ClassicMessage>, ClassicError>;

/// Reads `[uid, packet, opts]`.
pub(super) fn read_broadcast(node: &NodeId, namespace: &str, bytes: &[u8]) -> ReadResult {
    if begins_as_own(node, bytes) {
        return Ok(None);
    }
    let mut reader = MsgpackReader::new(bytes, LIMITS);
    if reader.array()? < 3 {
        return Err(ClassicError::new("a broadcast is no list of three"));
    }
    let from = sender(serde_json::from_str(&reader.json()?.0).unwrap_or_default());
    if from.as_ref() == Some(node) {
        return Ok(None);
    }
    let mut packet = read_packet(&mut reader, namespace)?;
    let opts: SelectorMembers = serde_json::from_str(&reader.json()?.0)?;
    if opts.is_list_of_one_list() {
        packet.args = packet.args.into_list();
    }
    Ok(Some(ClassicMessage::Body { from, body: MessageBody::Broadcast { packet, to: opts.into() } }))
}

/// Returns `true` if a list of three begins with the id of this node as a short text. Every own broadcast comes back like this.
fn begins_as_own(node: &NodeId, bytes: &[u8]) -> bool {
    let uid = node.as_str().as_bytes();
    let [0x93, marker, rest @ ..] = bytes else { return false };
    uid.len() < 32 && usize::from(*marker) == 0xa0 | uid.len() && rest.starts_with(uid)
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

pub(super) fn read_request(node: &NodeId, namespace: &str, bytes: &[u8]) -> ReadResult {
    let (json, attachments) = object(bytes)?;
    let mut request: ReadRequest<'_> = serde_json::from_str(&json)?;
    let from = sender(request.uid.take());
    if from.as_ref() == Some(node) {
        return Ok(None);
    }
    if request.kind == types::SOCKETS {
        let rooms = room_names(request.rooms);
        return Ok(Some(ClassicMessage::SocketIds { from, request: id(request.request_id)?, rooms }));
    }
    Ok(Some(ClassicMessage::Body { from, body: request.into_body(namespace, attachments)? }))
}

impl ReadRequest<'_> {
    fn into_body(self, namespace: &str, attachments: Attachments) -> Result<MessageBody, ClassicError> {
        let Self { kind, request_id, opts, rooms, close, data, packet, sid, room, .. } = self;
        let is_list_of_one_list = opts.as_ref().is_some_and(SelectorMembers::is_list_of_one_list);
        // Requests of nodes before Socket.IO 4 name one socket.
        let to = || match (opts, sid) {
            (Some(opts), _) => Ok(Selector::from(opts)),
            (None, Some(sid)) => Ok(Selector { rooms: vec![sid], ..Selector::default() }),
            (None, None) => Err(ClassicError::new("a request without recipients")),
        };
        let rooms = || room_names(rooms.or_else(|| room.map(|room| vec![room])));
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
                let mut packet = event_packet(packet.data.get(), attachments)?;
                if is_list_of_one_list {
                    packet.args = packet.args.into_list();
                }
                let question = Question::BroadcastWithAck { packet, to: to()? };
                MessageBody::Ask { request: id(request_id)?, question }
            }
            _ => return Err(ClassicError::new("a request of an unknown type")),
        })
    }
}

pub(super) fn read_response(bytes: &[u8]) -> ReadResult {
    let (json, attachments) = object(bytes)?;
    let ReadResponse { kind, request_id: request, sockets, rooms, client_count, data, packet, args } =
        serde_json::from_str(&json)?;
    let answer = match (kind, sockets, rooms) {
        (Some(types::SERVER_SIDE_EMIT), ..) => Answer::ServerEvent(answered(data, args, &attachments)?),
        (Some(types::CLIENT_COUNT), ..) => Answer::ClientCount(client_count.unwrap_or_default()),
        (Some(types::CLIENT_ACK), ..) => Answer::ClientAck(answered(packet, args, &attachments)?),
        (Some(_), ..) => return Err(ClassicError::new("a response of an unknown type")),
        (None, Some(sockets), _) => Answer::Sockets(read_sockets(sockets.get())?),
        (None, None, Some(rooms)) => Answer::Rooms(room_names(Some(rooms))),
        (None, None, None) => return Ok(Some(ClassicMessage::Confirmation)),
    };
    Ok(Some(ClassicMessage::Answer { request, answer }))
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

/// Returns the arguments of an answer: all of them, or the first.
fn answered(first: Option<&RawValue>, all: Option<&RawValue>, parts: &Attachments) -> Result<RawArgs, ClassicError> {
    let (part, is_list) = match (all, first) {
        (Some(all), _) => (all, true),
        (None, Some(first)) => (first, false),
        (None, None) => return Ok(RawArgs::default()),
    };
    let (json, parts) = keep_named(part.get().to_owned(), parts.as_deref().unwrap_or_default());
    let mut payload = if is_list { answer_arguments(&json)? } else { Payload::one(Some(&json)) };
    payload.attachments = (!parts.is_empty()).then(|| parts.into());
    Ok(RawArgs::from(payload))
}

fn sender(uid: Option<Cow<'_, str>>) -> Option<NodeId> {
    uid.filter(|uid| uid != EMITTER).map(|uid| NodeId::new(&*uid))
}

fn id(request: Option<String>) -> Result<String, ClassicError> {
    request.ok_or(ClassicError::new("a request without an id"))
}

#[cfg(test)]
#[path = "classic_tests.rs"]
mod tests;
