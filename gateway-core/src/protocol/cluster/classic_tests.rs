use std::time::Duration;

use super::super::classic::{self, write, write_socket_ids};
use super::super::{BroadcastFlags, ClassicChannel, ClassicSender, ClusterMessage, HandshakeSummary};
use super::*;

fn from_hex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    data_encoding::HEXLOWER.decode(&digits).unwrap()
}

/// Reads a message that is not of this node.
fn read(channel: ClassicChannel, namespace: &str, bytes: &[u8]) -> Result<ClassicMessage, ClassicError> {
    classic::read(&NodeId::new("readsa"), channel, namespace, bytes).map(Option::unwrap)
}

fn message(namespace: &str, body: MessageBody) -> ClusterMessage {
    ClusterMessage { namespace: namespace.into(), body }
}

fn args(list: &[Value]) -> RawArgs {
    RawArgs::each(&list).unwrap()
}

fn packet(event: &str, list: &[Value]) -> EventPacket {
    EventPacket { event: event.to_owned(), args: args(list) }
}

fn rooms(rooms: &[&str]) -> Vec<String> {
    rooms.iter().map(|room| (*room).to_owned()).collect()
}

fn to(selected: &[&str]) -> Selector {
    Selector { rooms: rooms(selected), ..Selector::default() }
}

fn ask(request: &str, question: Question) -> MessageBody {
    MessageBody::Ask { request: request.to_owned(), question }
}

fn answer(request: &str, answer: Answer) -> MessageBody {
    MessageBody::Answer { request: request.to_owned(), asker: NodeId::new("x"), answer }
}

/// Checks both directions: the bytes were written by Node's adapter.
fn check(channel: ClassicChannel, from: &str, body: MessageBody, bytes: &[u8]) {
    let (id, message) = (NodeId::new(from), message("/", body));
    let written = write(ClassicSender::Node(&id), &message);
    assert_eq!(String::from_utf8_lossy(&written), String::from_utf8_lossy(bytes));
    assert_eq!(written, bytes);
    match (read(channel, &message.namespace, bytes).unwrap(), message.body) {
        (ClassicMessage::Body { from, body }, expected) => assert_eq!((from, body), (Some(id), expected)),
        (ClassicMessage::Answer { request, answer }, MessageBody::Answer { request: asked, answer: expected, .. }) => {
            assert_eq!((request, answer), (asked, expected));
        }
        (read, expected) => panic!("{read:?} instead of {expected:?}"),
    }
}

const BROADCAST: &str = "93a669766d65624283a47479706502a46461746192a568656c6c6f01a36e7370a12f83a5726f6f6d7390a6657863657074 \
    90a5666c61677380";

#[test]
fn a_broadcast_is_a_tuple() {
    let body = MessageBody::Broadcast { packet: packet("hello", &[1.into()]), to: Selector::default() };
    check(ClassicChannel::Broadcast, "ivmebB", body, &from_hex(BROADCAST));
}

#[test]
fn a_broadcast_with_binary_and_flags_is_read_as_it_was_written() {
    let flags = BroadcastFlags {
        volatile: true,
        uncompressed: true,
        timeout: Some(Duration::from_millis(700)),
        single_response: true,
        latest: Some("k".to_owned()),
        trace_parent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    };
    let args = RawArgs::each(&("a", serde_bytes(&[1, 2]), Value::Null)).unwrap();
    let packet = EventPacket { event: "bin".to_owned(), args };
    let to = Selector { rooms: rooms(&["a", "b"]), except: rooms(&["c"]), flags };
    let message = message("/chat", MessageBody::Broadcast { packet, to });
    let id = NodeId::new("ivmebB");
    let bytes = write(ClassicSender::Node(&id), &message);
    assert!(bytes.windows(4).any(|part| part == [0xc4, 2, 1, 2]));
    let read = read(ClassicChannel::Broadcast, &message.namespace, &bytes).unwrap();
    assert_eq!(read, ClassicMessage::Body { from: Some(id), body: message.body });
}

/// Without the flag a plain client would read the list as the arguments.
#[test]
fn a_list_of_one_list_is_not_the_list() {
    let id = NodeId::new("ivmebB");
    let check = |args: RawArgs, with_ack: bool, expected: &str| {
        let (packet, to) = (EventPacket { event: "e".to_owned(), args }, Selector::default());
        let (channel, body) = if with_ack {
            let question = Question::BroadcastWithAck { packet, to };
            (ClassicChannel::Request, MessageBody::Ask { request: "r".to_owned(), question })
        } else {
            (ClassicChannel::Broadcast, MessageBody::Broadcast { packet, to })
        };
        let message = message("/", body);
        let bytes = write(ClassicSender::Node(&id), &message);
        let flag = b"\xa4list\xc3".as_slice();
        assert_eq!(bytes.windows(flag.len()).any(|part| part == flag), expected.starts_with("[["), "{expected}");
        let ClassicMessage::Body { body, .. } = read(channel, &message.namespace, &bytes).unwrap() else {
            panic!("another message")
        };
        let (MessageBody::Broadcast { packet, .. }
        | MessageBody::Ask { question: Question::BroadcastWithAck { packet, .. }, .. }) = body
        else {
            panic!("another message")
        };
        assert_eq!(packet.args.into_content().json, expected);
    };
    for with_ack in [false, true] {
        check(RawArgs::one(&[1, 2]).unwrap(), with_ack, "[1,2]");
        check(RawArgs::each(&([1, 2],)).unwrap(), with_ack, "[[1,2]]");
    }
}

fn serde_bytes(bytes: &'static [u8]) -> Bytes {
    Bytes::from_static(bytes)
}

#[test]
fn an_emitter_writes_the_members_in_its_own_order() {
    let packet = packet("hello", &[1.into()]);
    let message = message("/", MessageBody::Broadcast { packet, to: Selector::default() });
    let written = write(ClassicSender::Emitter, &message);
    let expected = "93a7656d697474657283a47479706502a46461746192a568656c6c6f01a36e7370a12f83a5726f6f6d7390a5666c61677380 \
        a665786365707490";
    assert_eq!(written, from_hex(expected));
    let read = read(ClassicChannel::Broadcast, &message.namespace, &written).unwrap();
    assert_eq!(read, ClassicMessage::Body { from: None, body: message.body });
}

#[test]
fn requests_of_an_emitter_have_no_uid_but_for_server_side_events() {
    let check = |body: MessageBody, json: &str| {
        let written = write(ClassicSender::Emitter, &message("/", body.clone()));
        assert_eq!(String::from_utf8(written.clone()).unwrap(), json);
        let read = read(ClassicChannel::Request, "/", &written).unwrap();
        assert_eq!(read, ClassicMessage::Body { from: None, body });
    };
    check(
        MessageBody::Join { to: to(&["room1"]), rooms: rooms(&["x1"]) },
        r#"{"type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["x1"]}"#,
    );
    check(
        MessageBody::Disconnect { to: to(&[]), close: true },
        r#"{"type":4,"opts":{"rooms":[],"except":[]},"close":true}"#,
    );
    check(MessageBody::ServerEvent(packet("ping", &["x".into()])), r#"{"uid":"emitter","type":6,"data":["ping","x"]}"#);
}

#[test]
fn requests_are_json() {
    let check = |body: MessageBody, json: &str| check(ClassicChannel::Request, "ivmebB", body, json.as_bytes());
    check(
        ask("5p_hLw", Question::Sockets(to(&["room1"]))),
        r#"{"uid":"ivmebB","requestId":"5p_hLw","type":5,"opts":{"rooms":["room1"],"except":[]}}"#,
    );
    check(ask("5p_hLw", Question::Rooms), r#"{"uid":"ivmebB","requestId":"5p_hLw","type":1}"#);
    check(
        MessageBody::Join { to: to(&["room1"]), rooms: rooms(&["x1", "x2"]) },
        r#"{"uid":"ivmebB","type":2,"opts":{"rooms":["room1"],"except":[]},"rooms":["x1","x2"]}"#,
    );
    check(
        MessageBody::Leave { to: to(&["room1"]), rooms: rooms(&["x1"]) },
        r#"{"uid":"ivmebB","type":3,"opts":{"rooms":["room1"],"except":[]},"rooms":["x1"]}"#,
    );
    check(
        MessageBody::Disconnect { to: to(&["ID"]), close: false },
        r#"{"uid":"ivmebB","type":4,"opts":{"rooms":["ID"],"except":[]},"close":false}"#,
    );
    check(
        ask("7P_Z0h", Question::ServerEvent(packet("ask", &[2.into()]))),
        r#"{"uid":"ivmebB","requestId":"7P_Z0h","type":6,"data":["ask",2]}"#,
    );
    check(
        MessageBody::ServerEvent(packet("ask", &[serde_json::json!([[1], 2]), "b".into()])),
        r#"{"uid":"ivmebB","type":6,"data":["ask",[[1],2],"b"]}"#,
    );
    check(
        MessageBody::ServerEvent(EventPacket {
            event: "ask".to_owned(),
            args: RawArgs::one(&serde_json::json!([[1], 2])).unwrap(),
        }),
        r#"{"uid":"ivmebB","type":6,"data":["ask",[[1],2]]}"#,
    );
}

#[test]
fn a_server_side_event_without_arguments_is_its_name() {
    let id = NodeId::new("ivmebB");
    let written = write(ClassicSender::Node(&id), &message("/", MessageBody::ServerEvent(packet("a\"b", &[]))));
    assert_eq!(String::from_utf8(written).unwrap(), r#"{"uid":"ivmebB","type":6,"data":["a\"b"]}"#);
}

#[test]
fn binary_in_json_is_a_buffer_object() {
    let args = RawArgs::each(&(serde_bytes(&[1, 255]), 2)).unwrap();
    let body = MessageBody::ServerEvent(EventPacket { event: "b".to_owned(), args });
    let written = write(ClassicSender::Emitter, &message("/", body));
    assert_eq!(
        String::from_utf8(written).unwrap(),
        r#"{"uid":"emitter","type":6,"data":["b",{"type":"Buffer","data":[1,255]},2]}"#
    );
}

#[test]
fn a_broadcast_with_acks_is_messagepack() {
    let flags = BroadcastFlags { timeout: Some(Duration::from_millis(700)), ..BroadcastFlags::default() };
    let question = Question::BroadcastWithAck {
        packet: packet("hello", &[1.into()]),
        to: Selector { flags, ..Selector::default() },
    };
    let expected = "85a3756964a669766d656242a9726571756573744964a6436a36414f4ea474797065 07a67061636b6574 \
        83a47479706502a46461746192a568656c6c6f01a36e7370a12f a46f707473 \
        83a5726f6f6d7390a665786365707490a5666c61677381a774696d656f7574cd02bc";
    check(ClassicChannel::Request, "ivmebB", ask("Cj6AON", question), &from_hex(expected));
}

#[test]
fn responses_are_json_but_for_acks_of_clients() {
    let check = |answered: Answer, id: &str, bytes: &[u8]| {
        check(ClassicChannel::Response, "ivmebB", answer(id, answered), bytes);
    };
    check(
        Answer::ServerEvent(args(&[serde_json::json!({"got": 2})])),
        "7P_Z0h",
        br#"{"type":6,"requestId":"7P_Z0h","data":{"got":2}}"#,
    );
    check(Answer::ClientCount(1), "Cj6AON", br#"{"type":8,"requestId":"Cj6AON","clientCount":1}"#);
    check(Answer::Rooms(rooms(&["a"])), "Cj6AON", br#"{"requestId":"Cj6AON","rooms":["a"]}"#);
    check(Answer::Sockets(Vec::new()), "Cj6AON", br#"{"requestId":"Cj6AON","sockets":[]}"#);
    let ack = from_hex("83a47479706509a9726571756573744964a6436a36414f4ea67061636b657481a17207");
    check(Answer::ClientAck(args(&[serde_json::json!({"r": 7})])), "Cj6AON", &ack);
    let binary = from_hex("83a47479706509a9726571756573744964a6436a36414f4ea67061636b6574c4020102");
    check(Answer::ClientAck(RawArgs::one(&serde_bytes(&[1, 2])).unwrap()), "Cj6AON", &binary);
}

#[test]
fn an_answer_without_a_value_has_no_member_for_it() {
    let written = |answered| write(ClassicSender::Emitter, &message("/", answer("a", answered)));
    assert_eq!(written(Answer::ServerEvent(RawArgs::default())), br#"{"type":6,"requestId":"a"}"#);
    assert_eq!(written(Answer::ClientAck(RawArgs::default())), from_hex("82a47479706509a9726571756573744964a161"));
}

#[test]
fn sockets_are_read_with_what_node_says_of_them() {
    let json =
        br#"{"requestId":"a","sockets":[{"id":"s","handshake":{"headers":{"host":"x"},"time":"t","address":"::1",
        "xdomain":false,"secure":false,"issued":1764547200000,"url":"/socket.io/?EIO=4","query":{"EIO":"4"},"auth":{}},
        "rooms":["s","r"],"data":{"n":1}},"old"]}"#;
    let ClassicMessage::Answer { answer: Answer::Sockets(sockets), .. } =
        read(ClassicChannel::Response, "/", json).unwrap()
    else {
        panic!("no sockets");
    };
    assert_eq!((&*sockets[0].id, &*sockets[0].rooms), ("s", &*rooms(&["s", "r"])));
    assert_eq!(sockets[0].handshake.issued, 1_764_547_200_000);
    assert_eq!(sockets[0].data, serde_json::json!({"n": 1}));
    assert_eq!((&*sockets[1].id, &sockets[1].handshake), ("old", &HandshakeSummary::default()));
}

#[test]
fn messages_of_old_nodes_are_read() {
    // socket.io-emitter 3.2 and socket.io-redis 5: no `except`; a binary event is a packet of type 5.
    let old = from_hex(
        "93a7656d697474657283a47479706505a46461746192a362696ec4020102a36e7370a12f82a5726f6f6d7390a5666c61677380",
    );
    let ClassicMessage::Body { from: None, body: MessageBody::Broadcast { packet, to } } =
        read(ClassicChannel::Broadcast, "/", &old).unwrap()
    else {
        panic!("no broadcast");
    };
    assert_eq!(
        (&*packet.event, packet.args, to),
        ("bin", RawArgs::one(&serde_bytes(&[1, 2])).unwrap(), Selector::default())
    );

    let without_nsp = from_hex("93a161 82a47479706502a46461746191a165 81a5726f6f6d739101");
    let read_there = |namespace: &str| read(ClassicChannel::Broadcast, namespace, &without_nsp);
    let ClassicMessage::Body { body: MessageBody::Broadcast { to, .. }, .. } = read_there("/").unwrap() else {
        panic!("no broadcast");
    };
    assert_eq!(to.rooms, ["1"]);
    assert!(read_there("/chat").is_err());

    let join = br#"{"requestid":"a","type":2,"sid":"S","room":"r"}"#;
    let body = MessageBody::Join { to: self::to(&["S"]), rooms: rooms(&["r"]) };
    assert_eq!(read(ClassicChannel::Request, "/", join).unwrap(), ClassicMessage::Body { from: None, body });

    let ids = br#"{"uid":"u","requestId":"a","type":0,"rooms":["r"]}"#;
    let expected =
        ClassicMessage::SocketIds { from: Some(NodeId::new("u")), request: "a".to_owned(), rooms: rooms(&["r"]) };
    assert_eq!(read(ClassicChannel::Request, "/", ids).unwrap(), expected);
    assert_eq!(write_socket_ids("a", ["S"]), br#"{"requestId":"a","sockets":["S"]}"#);
}

#[test]
fn several_arguments_of_an_answer_arrive() {
    let several = RawArgs::each(&(1, serde_bytes(&[1, 2]), "x")).unwrap();
    let packed = write(ClassicSender::Emitter, &message("/", answer("a", Answer::ClientAck(several.clone()))));
    let expected = ClassicMessage::Answer { request: "a".to_owned(), answer: Answer::ClientAck(several.clone()) };
    assert_eq!(read(ClassicChannel::Response, "/", &packed).unwrap(), expected);
    let json = write(ClassicSender::Emitter, &message("/", answer("a", Answer::ServerEvent(several))));
    assert_eq!(
        String::from_utf8(json.clone()).unwrap(),
        r#"{"type":6,"requestId":"a","data":1,"args":[1,{"type":"Buffer","data":[1,2]},"x"]}"#
    );
    let ClassicMessage::Answer { answer: Answer::ServerEvent(plain), .. } =
        read(ClassicChannel::Response, "/", &json).unwrap()
    else {
        panic!("no answer");
    };
    assert_eq!(plain.json(), r#"[1,{"type":"Buffer","data":[1,2]},"x"]"#);
}

#[test]
fn the_own_message_is_none() {
    let check = |channel, bytes: &[u8]| {
        assert_eq!(classic::read(&NodeId::new("ivmebB"), channel, "/", bytes), Ok(None));
    };
    check(ClassicChannel::Broadcast, &from_hex(BROADCAST));
    check(ClassicChannel::Request, br#"{"uid":"ivmebB","requestId":"5p_hLw","type":1}"#);
}

#[test]
fn foreign_messages_are_refused() {
    let check = |channel, bytes: &[u8]| assert!(read(channel, "/", bytes).is_err(), "{bytes:?}");
    for channel in [ClassicChannel::Broadcast, ClassicChannel::Request, ClassicChannel::Response] {
        check(channel, b"");
        check(channel, b"{");
        check(channel, b"hello");
        check(channel, &[0xff; 40]);
        check(channel, br#"{"a":1}"#);
        check(channel, &from_hex("93c0c0c0"));
        check(channel, &[0xdf, 0xff, 0xff, 0xff, 0xff]);
    }
    // Node's sharded adapter publishes maps of this form on channels of the same names.
    check(
        ClassicChannel::Broadcast,
        br#"{"type":3,"data":{"packet":{"type":2,"data":["hello","x"]}},"uid":"a","nsp":"/"}"#,
    );
    check(ClassicChannel::Request, br#"{"uid":"a","type":12}"#);
    check(ClassicChannel::Request, br#"{"uid":"a","type":2,"rooms":["x"]}"#);
    check(ClassicChannel::Request, br#"{"uid":"a","type":5,"opts":{"rooms":[],"except":[]}}"#);
    check(ClassicChannel::Response, br#"{"requestId":"a","type":3}"#);
    // A map that looks like a placeholder, beside one that is binary.
    let forged =
        from_hex("93a16183a47479706502a46461746193a16582ac5f706c616365686f6c646572c3a36e756d00c40101a36e7370a12f80");
    check(ClassicChannel::Broadcast, &forged);
    let deep = [&b"{\"uid\":\"a\",\"type\":6,\"data\":[\"a\","[..], &[b'['; 200], &[b']'; 201], b"}"].concat();
    check(ClassicChannel::Request, &deep);
}
