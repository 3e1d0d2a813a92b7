//! Formats of a test client: the plain protocol, or Socket.IO as its own clients speak it.

use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::protocol::{Message, MsgpackLimits, MsgpackReader, MsgpackWriter, RENEWAL, ToArgs};
use crate::testing::frame::{Failure, Received};

#[derive(Debug)]
pub(super) enum Dialect {
    Plain(PlainFrames),
    /// Plain envelopes in MessagePack.
    PlainMsgpack(PlainFrames),
    SocketIo(SocketIoPackets),
}

/// Meaning of a message from the server.
pub(super) enum Heard {
    Received(Received),
    Admitted,
    Refused(Failure),
    /// The server ended the namespace.
    Left,
    /// A part of a packet, or a packet of the connection itself.
    Nothing,
}

/// Data that a client needs to resume its socket after a lost connection.
#[derive(Clone, Debug, Default)]
pub struct LostConnection {
    pub(super) key: Option<String>,
    pub(super) offset: Option<String>,
}

/// The client's side of the plain protocol.
#[derive(Debug, Default)]
pub(super) struct PlainFrames {
    /// The client requests data of its session.
    resumable: bool,
    lost: LostConnection,
    recovered: bool,
}

/// Members of a frame for resumable clients only.
#[derive(Deserialize)]
struct FrameExtras {
    offset: Option<u64>,
    session: Option<SessionMembers>,
}

/// Data of the session, as the server sends it.
#[derive(Deserialize)]
struct SessionMembers {
    resume: Option<String>,
    resumed: bool,
}

/// The client's side of Socket.IO, for one namespace.
#[derive(Debug)]
pub(super) struct SocketIoPackets {
    namespace: String,
    /// A packet with the number of missing binary parts, and the parts received.
    partial: Option<(String, usize, Vec<Bytes>)>,
    lost: LostConnection,
    recovered: bool,
}

impl Dialect {
    /// Returns the frames of an event: in Socket.IO binary parts follow the packet.
    pub(super) fn event(&self, event: &str, given: TestArgs, id: Option<u64>) -> Vec<Message> {
        match (self, id) {
            (Self::SocketIo(packets), id) => packets.write_with_parts('2', id, Some(event), given),
            (_, None) => vec![self.object(&json!({ "event": event, "data": given.into_data() }))],
            (_, Some(id)) => vec![self.object(&json!({ "event": event, "data": given.into_data(), "id": id }))],
        }
    }

    /// Returns the frames of new credentials.
    pub(super) fn renewal(&self, given: TestArgs, id: u64) -> Vec<Message> {
        match self {
            Self::SocketIo(_) => self.event(RENEWAL, given, Some(id)),
            Self::Plain(_) | Self::PlainMsgpack(_) => {
                vec![self.object(&json!({ "auth": given.into_data(), "id": id }))]
            }
        }
    }

    pub(super) fn answer(&self, ask: u64, given: TestArgs) -> Vec<Message> {
        match self {
            Self::SocketIo(packets) => packets.write_with_parts('3', Some(ask), None, given),
            Self::Plain(_) | Self::PlainMsgpack(_) => {
                vec![self.object(&json!({ "answer": ask, "data": given.into_data() }))]
            }
        }
    }

    /// An object of the plain protocol.
    pub(super) fn object(&self, object: &Value) -> Message {
        match self {
            Self::Plain(_) | Self::SocketIo(_) => object.to_string().into(),
            Self::PlainMsgpack(_) => {
                let mut packed = Vec::new();
                MsgpackWriter::new(&mut packed).json(&object.to_string(), &[]);
                packed.into()
            }
        }
    }

    pub(super) fn read(&mut self, message: Message) -> Heard {
        match self {
            Self::Plain(frames) => frames.read(message),
            Self::PlainMsgpack(frames) => match unpack(&message) {
                Some(unpacked) => frames.read(unpacked),
                None => Heard::Received(Received::Message(message)),
            },
            Self::SocketIo(packets) => packets.read(message),
        }
    }

    /// Returns `true` if the server announces that a client is accepted.
    pub(super) fn is_greeted(&self) -> bool {
        match self {
            Self::Plain(frames) | Self::PlainMsgpack(frames) => frames.resumable,
            Self::SocketIo(_) => true,
        }
    }

    /// Returns `true` if a stream arrives as events and ends with the ack.
    pub(super) fn streams_by_events(&self) -> bool {
        match self {
            Self::Plain(_) | Self::PlainMsgpack(_) => false,
            Self::SocketIo(_) => true,
        }
    }

    pub(super) fn is_recovered(&self) -> bool {
        match self {
            Self::Plain(frames) | Self::PlainMsgpack(frames) => frames.recovered,
            Self::SocketIo(packets) => packets.recovered,
        }
    }

    pub(super) fn lost(&self) -> LostConnection {
        match self {
            Self::Plain(frames) | Self::PlainMsgpack(frames) => frames.lost.clone(),
            Self::SocketIo(packets) => packets.lost.clone(),
        }
    }
}

/// The arguments that a test gives.
pub(super) struct TestArgs {
    list: Vec<Value>,
    parts: Vec<Bytes>,
    /// The arguments as the single value of the plain protocol, without the binary parts.
    data: Value,
}

impl TestArgs {
    /// # Panics
    ///
    /// When the arguments cannot be serialised as JSON.
    pub(super) fn new(data: impl ToArgs) -> Self {
        let read = |json: &str| serde_json::from_str(json).expect("what was written as JSON is JSON");
        let args = data.into_args().expect("what a test sends can be written as JSON");
        let Value::Array(list) = read(&args.json()) else { unreachable!("arguments are a list") };
        let content = args.into_content();
        let data = if list.is_empty() { Value::Null } else { read(&content.json) };
        Self { list, parts: content.attachments, data }
    }

    fn into_data(mut self) -> Value {
        fill(&mut self.data, &self.parts);
        self.data
    }
}

impl PlainFrames {
    /// `lost` holds the data of an earlier connection.
    pub(super) fn new(resumable: bool, lost: LostConnection) -> Self {
        Self { resumable, lost, recovered: false }
    }

    fn read(&mut self, message: Message) -> Heard {
        let beside = match &message {
            Message::Text(text) if self.resumable => serde_json::from_str(text).ok(),
            Message::Text(_) | Message::Binary(_) => None,
        };
        match beside {
            Some(FrameExtras { session: Some(SessionMembers { resume, resumed }), .. }) => {
                self.lost.key = resume;
                self.lost.offset.take_if(|_| !resumed);
                self.recovered = resumed;
                Heard::Admitted
            }
            Some(FrameExtras { offset: Some(offset), session: None }) => {
                self.lost.offset = Some(offset.to_string());
                Heard::Received(Received::read(message))
            }
            Some(FrameExtras { offset: None, session: None }) | None => Heard::Received(Received::read(message)),
        }
    }
}

impl SocketIoPackets {
    /// `lost` holds the data of an earlier connection.
    pub(super) fn new(namespace: &str, lost: LostConnection) -> Self {
        Self { namespace: namespace.to_owned(), partial: None, lost, recovered: false }
    }

    /// The packet that requests the namespace.
    pub(super) fn connect(&self, auth: Option<&Value>) -> String {
        let mut payload = auth.cloned().unwrap_or_else(|| json!({}));
        if let (Some(key), Some(offset)) = (&self.lost.key, &self.lost.offset) {
            payload["pid"] = json!(key);
            payload["offset"] = json!(offset);
        }
        self.write('0', None, &payload)
    }

    fn write(&self, kind: char, id: Option<u64>, payload: &Value) -> String {
        let namespace = if self.namespace == "/" { String::new() } else { format!("{},", self.namespace) };
        let id = id.map_or(String::new(), |id| id.to_string());
        format!("4{kind}{namespace}{id}{payload}")
    }

    /// The packet of an event or an answer, and its binary parts.
    fn write_with_parts(&self, kind: char, id: Option<u64>, event: Option<&str>, given: TestArgs) -> Vec<Message> {
        let list: Vec<Value> = event.map(Value::from).into_iter().chain(given.list).collect();
        let mut packet = self.write(kind, id, &list.into());
        if !given.parts.is_empty() {
            let kind = if kind == '2' { '5' } else { '6' };
            packet.replace_range(1..2, &format!("{kind}{}-", given.parts.len()));
        }
        std::iter::once(packet.into()).chain(given.parts.into_iter().map(Message::from)).collect()
    }

    fn read(&mut self, message: Message) -> Heard {
        match (message, self.partial.take()) {
            (Message::Binary(part), Some((text, wanted, mut parts))) => {
                parts.push(part);
                if parts.len() == wanted {
                    return self.packet(&text, &parts);
                }
                self.partial = Some((text, wanted, parts));
                Heard::Nothing
            }
            (message @ Message::Binary(_), None) => Heard::Received(Received::Message(message)),
            (Message::Text(text), _) => match text.strip_prefix('4') {
                Some(packet) => self.begin(packet),
                None => Heard::Nothing,
            },
        }
    }

    /// Reads the text of a packet, complete or with binary parts to follow.
    fn begin(&mut self, packet: &str) -> Heard {
        let parts = packet.strip_prefix(['5', '6']).and_then(|rest| rest.split_once('-'));
        let Some((count, rest)) = parts else { return self.packet(packet, &[]) };
        let kind = if packet.starts_with('5') { '2' } else { '3' };
        let wanted = count.parse().expect("the server counts its binary parts");
        self.partial = Some((format!("{kind}{rest}"), wanted, Vec::new()));
        Heard::Nothing
    }

    fn packet(&mut self, packet: &str, parts: &[Bytes]) -> Heard {
        let (kind, rest) = packet.split_at(1);
        let (namespace, rest) = match rest.split_once(',') {
            Some((namespace, rest)) if namespace.starts_with('/') => (namespace, rest),
            _ => ("/", rest),
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, json) = rest.split_at(digits);
        let mut payload = serde_json::from_str(json).unwrap_or(Value::Null);
        fill(&mut payload, parts);
        let id = id.parse().ok();
        match (kind, payload) {
            ("0", payload) => {
                let key = payload["pid"].as_str().map(str::to_owned);
                self.recovered = key.is_some() && key == self.lost.key;
                self.lost.key = key;
                Heard::Admitted
            }
            ("1", _) if namespace == self.namespace => Heard::Left,
            ("4", payload) => Heard::Refused(Failure::new(payload)),
            ("2", Value::Array(list)) => Heard::Received(self.event(list, id)),
            ("3", Value::Array(list)) => Heard::Received(ack(list, id.unwrap_or_default())),
            _ => Heard::Nothing,
        }
    }

    fn event(&mut self, mut list: Vec<Value>, ask: Option<u64>) -> Received {
        // As in Socket.IO clients: with recovery the last text argument of every event is its offset.
        if self.lost.key.is_some() && ask.is_none() && list.len() > 1 && list.last().is_some_and(Value::is_string) {
            self.lost.offset = list.pop().and_then(|offset| offset.as_str().map(str::to_owned));
        }
        let event = list.remove(0).as_str().unwrap_or_default().to_owned();
        let data = one_or_list(list);
        match ask {
            Some(ask) => Received::Question { ask, event, data },
            None if event == "exception" => Received::Exception { id: None, failure: Failure::new(data) },
            None => Received::Event { event, data },
        }
    }
}

/// Converts a message to JSON, its binary data to base64.
fn unpack(message: &Message) -> Option<Message> {
    let Message::Binary(bytes) = message else { return None };
    let everything = MsgpackLimits { depth: usize::MAX, attachments: usize::MAX };
    let (json, parts) = MsgpackReader::new(bytes, everything).json().ok()?;
    let mut value = serde_json::from_str(&json).ok()?;
    fill(&mut value, &parts);
    Some(value.to_string().into())
}

/// Reads an ack; an exception's object is the failure of its request.
fn ack(list: Vec<Value>, id: u64) -> Received {
    let data = one_or_list(list);
    if data["status"] == "error" {
        return Received::Exception { id: Some(id), failure: Failure::new(data) };
    }
    Received::Reply { id, event: String::new(), data, more: false }
}

/// Joins arguments as plain WebSocket does: one argument is the data, several are an array, none is `null`.
fn one_or_list(mut list: Vec<Value>) -> Value {
    match list.len() {
        0 => Value::Null,
        1 => list.remove(0),
        _ => Value::Array(list),
    }
}

/// Replaces each placeholder by its binary part in base64, as on plain WebSocket.
fn fill(value: &mut Value, parts: &[Bytes]) {
    if value["_placeholder"] == true {
        let part = value["num"].as_u64().and_then(|number| parts.get(usize::try_from(number).ok()?));
        *value = json!(BASE64.encode(part.expect("the server names parts it has sent")));
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| fill(value, parts)),
        Value::Object(members) => members.values_mut().for_each(|value| fill(value, parts)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
