//! Messages byte for byte as Node's adapters write them, and what is tolerated when they are read.

use std::time::Duration;

use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::protocol::cluster::{
    Answer, BroadcastFlags, EventPacket, HandshakeSummary, MessageBody, Question, RemoteSocket, Selector,
};
use crate::protocol::{Args, RawArgs, ToArgs};

use super::*;

fn node() -> NodeId {
    NodeId::new("0f4cc536eaa7f3f5")
}

fn reader() -> NodeDecoder {
    NodeDecoder::new(NodeId::new("ffffffffffffffff"), NodeFormatLimits::default())
}

fn root() -> Arc<str> {
    "/".into()
}

fn packet(event: &str, args: impl ToArgs) -> EventPacket {
    EventPacket { event: event.to_owned(), args: args.into_args().unwrap() }
}

fn rooms(rooms: &[&str]) -> Selector {
    Selector { rooms: rooms.iter().map(|&room| room.to_owned()).collect(), ..Selector::default() }
}

fn broadcast(event: &str, args: impl ToArgs, to: Selector) -> MessageBody {
    MessageBody::Broadcast { packet: packet(event, args), to }
}

fn answer(answer: Answer) -> MessageBody {
    MessageBody::Answer { request: "00ff".to_owned(), asker: NodeId::new("ffffffffffffffff"), answer }
}

fn ask(question: Question) -> MessageBody {
    MessageBody::Ask { request: "00ff".to_owned(), question }
}

fn message(body: MessageBody) -> ClusterMessage {
    ClusterMessage { namespace: root(), body }
}

fn read(bytes: &[u8]) -> Result<MessageBody, NodeFormatError> {
    match reader().decode(bytes, &root())?.expect("another node's").message {
        NodeMessage::Message(message) => Ok(message.body),
        NodeMessage::Heartbeat { heartbeat, .. } => panic!("{heartbeat:?}"),
    }
}

fn hex(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap()
}

fn socket() -> RemoteSocket {
    let headers = json!({"host": "localhost"});
    let handshake = HandshakeSummary { headers, issued: 1_700_000_000_000, ..HandshakeSummary::default() };
    RemoteSocket { handshake, rooms: vec!["id".to_owned(), "r".to_owned()], data: json!({"a": 1}), id: "id".to_owned() }
}

#[test]
fn messages_are_written_as_nodes_adapters_write_them() {
    let check = |body: MessageBody, number: u8, data: &str| {
        let expected = format!(r#"{{"type":{number},"data":{data},"uid":"0f4cc536eaa7f3f5","nsp":"/"}}"#);
        let message = message(body);
        let encoded = encode(&node(), &message);
        assert_eq!(std::str::from_utf8(&encoded).unwrap(), expected);
        assert_eq!((message_type(&message.body), &*encode_data(&message.body)), (number, data));
        assert_eq!(again(&read(&encoded).unwrap()), encoded, "{expected}");
        assert_eq!(again(&read(&encode_msgpack(&node(), &message)).unwrap()), encoded, "{expected}");
    };
    let opts = r#""opts":{"rooms":["room1"],"except":[],"flags":{}}"#;
    let all = r#""opts":{"rooms":[],"except":[],"flags":{}}"#;
    let hello = || packet("hello", "x");
    let event = r#""packet":{"type":2,"data":["hello","x"]}"#;
    check(broadcast("hello", "x", rooms(&["room1"])), 3, &format!("{{{event},{opts}}}"));
    check(
        broadcast("a\n", Args(()), Selector::default()),
        3,
        &format!(r#"{{"packet":{{"type":2,"data":["a\n"]}},{all}}}"#),
    );
    check(
        broadcast("a", Args((1, [2], Value::Null)), Selector::default()),
        3,
        &format!(r#"{{"packet":{{"type":2,"data":["a",1,[2],null]}},{all}}}"#),
    );
    let x = || vec!["x1".to_owned(), "x2".to_owned()];
    check(MessageBody::Join { to: rooms(&["room1"]), rooms: x() }, 4, &format!(r#"{{{opts},"rooms":["x1","x2"]}}"#));
    check(MessageBody::Leave { to: rooms(&["room1"]), rooms: x() }, 5, &format!(r#"{{{opts},"rooms":["x1","x2"]}}"#));
    check(MessageBody::Disconnect { to: rooms(&["room1"]), close: true }, 6, &format!(r#"{{{opts},"close":true}}"#));
    check(MessageBody::ServerEvent(hello()), 9, r#"{"packet":["hello","x"]}"#);
    check(ask(Question::Sockets(rooms(&["room1"]))), 7, &format!(r#"{{{opts},"requestId":"00ff"}}"#));
    check(ask(Question::Rooms), 7, &format!(r#"{{{all},"requestId":"00ff","allRooms":true}}"#));
    check(
        ask(Question::BroadcastWithAck { packet: hello(), to: rooms(&["room1"]) }),
        3,
        &format!(r#"{{{event},"requestId":"00ff",{opts}}}"#),
    );
    check(ask(Question::ServerEvent(hello())), 9, r#"{"requestId":"00ff","packet":["hello","x"]}"#);
    check(answer(Answer::ClientCount(2)), 11, r#"{"requestId":"00ff","clientCount":2}"#);
    check(answer(Answer::ClientAck(RawArgs::one(&[1]).unwrap())), 12, r#"{"requestId":"00ff","packet":[1]}"#);
    check(answer(Answer::ClientAck(RawArgs::one(&()).unwrap())), 12, r#"{"requestId":"00ff","packet":null}"#);
    check(answer(Answer::ServerEvent(RawArgs::default())), 10, r#"{"requestId":"00ff"}"#);
    check(
        answer(Answer::ServerEvent(RawArgs::each(&(1, 2)).unwrap())),
        10,
        r#"{"requestId":"00ff","packet":1,"args":[1,2]}"#,
    );
    check(answer(Answer::Rooms(x())), 8, r#"{"requestId":"00ff","sockets":[],"rooms":["x1","x2"]}"#);
    check(
        answer(Answer::Sockets(vec![socket()])),
        8,
        r#"{"requestId":"00ff","sockets":[{"id":"id","handshake":{"headers":{"host":"localhost"},"time":"","address":"","xdomain":false,"secure":false,"issued":1700000000000,"url":"","query":null,"auth":null},"rooms":["id","r"],"data":{"a":1}}]}"#,
    );
}

#[test]
fn flags_are_written_when_they_are_set() {
    let check = |flags: BroadcastFlags, expected: &str| {
        let to = Selector { flags, except: vec!["e".to_owned()], ..Selector::default() };
        let body = MessageBody::Broadcast { packet: packet("a", 1), to };
        let data = encode_data(&body);
        let opts = format!(
            r#"{{"packet":{{"type":2,"data":["a",1]}},"opts":{{"rooms":[],"except":["e"],"flags":{expected}}}}}"#
        );
        assert_eq!(data, opts);
        assert_eq!(read(&encode(&node(), &message(body.clone()))), Ok(body));
    };
    check(BroadcastFlags::default(), "{}");
    check(BroadcastFlags { volatile: true, ..Default::default() }, r#"{"volatile":true}"#);
    check(BroadcastFlags { uncompressed: true, ..Default::default() }, r#"{"compress":false}"#);
    let all = BroadcastFlags {
        volatile: true,
        uncompressed: true,
        timeout: Some(Duration::from_millis(700)),
        single_response: true,
        latest: Some("k".to_owned()),
        trace_parent: Some("t".to_owned()),
    };
    let expected = r#"{"volatile":true,"compress":false,"timeout":700,"expectSingleResponse":true,"latest":"k","traceparent":"t"}"#;
    check(all, expected);
}

/// Without the flag a plain client would read the list as the arguments.
#[test]
fn a_list_of_one_list_is_not_the_list() {
    let check = |body: MessageBody, flags: &str| {
        let data = encode_data(&body);
        assert!(data.contains(&format!("\"flags\":{flags}")), "{data}");
        let (MessageBody::Broadcast { packet, .. }
        | MessageBody::Ask { question: Question::BroadcastWithAck { packet, .. }, .. }) =
            read(&encode(&node(), &message(body))).unwrap()
        else {
            panic!("another message")
        };
        packet.args.into_content().json
    };
    assert_eq!(check(broadcast("e", [1, 2], Selector::default()), "{}"), "[1,2]");
    assert_eq!(check(broadcast("e", Args(([1, 2],)), Selector::default()), r#"{"list":true}"#), "[[1,2]]");
    assert_eq!(check(broadcast("e", Args(([1], 2)), Selector::default()), "{}"), "[[1],2]");
    let question = Question::BroadcastWithAck { packet: packet("e", Args(([1],))), to: Selector::default() };
    assert_eq!(check(MessageBody::Ask { request: "r".to_owned(), question }, r#"{"list":true}"#), "[[1]]");
    let from_node =
        r#"{"type":3,"data":{"packet":{"type":2,"data":["e",[1]]},"opts":{"rooms":[]}},"uid":"a","nsp":"/"}"#;
    let MessageBody::Broadcast { packet, .. } = read(from_node.as_bytes()).unwrap() else { panic!("another message") };
    assert_eq!(packet.args.into_content().json, "[1]");
}

#[test]
fn binary_parts_make_it_messagepack() {
    let part = Bytes::from_static(&[1, 2]);
    let body = broadcast("bin", &part, Selector::default());
    assert!(has_binary(&body) && !has_binary(&broadcast("bin", 1, Selector::default())));
    let data = "82 a67061636b6574 82 a474797065 02 a464617461 92 a362696e c4020102
        a46f707473 83 a5726f6f6d73 90 a6657863657074 90 a5666c616773 80"
        .replace('\n', "");
    let expected =
        format!("84 a474797065 03 a464617461 {data} a3756964 b030663463633533366561613766336635 a36e7370 a12f");
    let encoded = encode(&node(), &message(body.clone()));
    assert_eq!(HEXLOWER.encode(&encoded), HEXLOWER.encode(&hex(&expected)));
    assert_eq!(read(&encoded), Ok(body.clone()));
    assert_eq!(encode_data(&body), BASE64.encode(&hex(&data)));
    // Several arguments of an answer, of which the first stands in both members.
    let args = Args((&part, json!({"x": 1}), Bytes::from_static(b"3"))).to_args().unwrap();
    let body = answer(Answer::ClientAck(args));
    assert_eq!(read(&encode(&node(), &message(body.clone()))), Ok(body));
}

#[test]
fn an_entry_of_a_stream_is_read() {
    // Captured from the streams adapter: a buffer and the date 0.
    let captured = "gqZwYWNrZXSCpHR5cGUCpGRhdGGTo2JpbsQCAQLW/wAAAACkb3B0c4Olcm9vbXOQpmV4Y2VwdJClZmxhZ3OA";
    let namespace = root();
    let fields = NodeFields { message_type: 3, data: Some(captured), sender: Some("a"), namespace: &namespace };
    let read = reader().decode_fields(fields).unwrap().unwrap();
    let args = Args((Bytes::from_static(&[1, 2]), "1970-01-01T00:00:00.000Z"));
    let expected = NodeMessage::Message(message(broadcast("bin", args, Selector::default())));
    assert_eq!(read, NodeEnvelope { from: Some(NodeId::new("a")), message: expected });
    let json = r#"{"packet":{"type":2,"data":["hello",1]},"opts":{"rooms":[],"except":[],"flags":{}}}"#;
    let read = reader().decode_fields(NodeFields { data: Some(json), ..fields }).unwrap().unwrap();
    assert_eq!(read.message, NodeMessage::Message(message(broadcast("hello", 1, Selector::default()))));
    let heartbeat = reader().decode_fields(NodeFields { message_type: 13, data: None, ..fields }).unwrap().unwrap();
    assert_eq!(heartbeat.message, NodeMessage::Heartbeat { namespace: root(), heartbeat: NodeHeartbeat::Closing });
    let own = NodeFields { sender: Some("ffffffffffffffff"), ..fields };
    assert_eq!(reader().decode_fields(own), Ok(None));
    for wrong in ["", "?", "AA==", "wQ=="] {
        assert!(reader().decode_fields(NodeFields { data: Some(wrong), ..fields }).is_err(), "{wrong}");
    }
}

#[test]
fn heartbeats_have_no_data() {
    let check = |heartbeat: NodeHeartbeat, expected: &str| {
        let encoded = encode_heartbeat(&node(), "/", heartbeat);
        assert_eq!(encoded, expected);
        let read = reader().decode(encoded.as_bytes(), &root()).unwrap().unwrap();
        let message = NodeMessage::Heartbeat { namespace: root(), heartbeat };
        assert_eq!(read, NodeEnvelope { from: Some(node()), message });
    };
    check(NodeHeartbeat::Initial, r#"{"type":1,"uid":"0f4cc536eaa7f3f5","nsp":"/"}"#);
    check(NodeHeartbeat::Regular, r#"{"type":2,"uid":"0f4cc536eaa7f3f5","nsp":"/"}"#);
    check(NodeHeartbeat::Closing, r#"{"type":13,"uid":"0f4cc536eaa7f3f5","nsp":"/"}"#);
}

#[test]
fn messages_of_other_versions_are_read() {
    let check = |json: &str, expected: MessageBody| assert_eq!(read(json.as_bytes()), Ok(expected), "{json}");
    let all = || broadcast("a", 1, Selector::default());
    check(r#"{"type":3,"data":{"packet":{"type":2,"data":["a",1]}}}"#, all());
    check(r#"{"type":3,"data":{"packet":{"type":5,"data":["a",1]},"opts":{}}}"#, all());
    check(
        r#"{"nsp":"/","data":{"opts":null,"requestId":null,"packet":{"nsp":"/","data":["a",1],"type":2}},"type":3}"#,
        all(),
    );
    // The emitter for PostgreSQL.
    check(
        r#"{"type":3,"data":{"packet":{"type":2,"data":["a",1],"nsp":"/"},"opts":{"rooms":["r"],"flags":{},"except":[]}},"uid":"emitter"}"#,
        broadcast("a", 1, rooms(&["r"])),
    );
    check(
        r#"{"type":4,"data":{"opts":{"rooms":[5],"except":["x"]},"rooms":["r",-1]},"uid":"emitter"}"#,
        MessageBody::Join {
            to: Selector { except: vec!["x".to_owned()], ..rooms(&["5"]) },
            rooms: vec!["r".to_owned(), "-1".to_owned()],
        },
    );
    check(r#"{"type":6,"data":{"opts":{"rooms":["r"]}}}"#, MessageBody::Disconnect { to: rooms(&["r"]), close: false });
    check(r#"{"type":8,"data":{"requestId":"00ff","sockets":[{"id":"s","rooms":["s"]}]}}"#, {
        let rooms = vec!["s".to_owned()];
        answer(Answer::Sockets(vec![RemoteSocket { rooms, ..RemoteSocket::new("s") }]))
    });
    // What is `undefined` in Node is nil in the MessagePack of an attachment.
    let sparse = r#"{"type":8,"data":{"requestId":"00ff","sockets":[{"id":"s","handshake":{"headers":null,"address":null,"url":"/","issued":null,"secure":null},"rooms":["s",7],"data":null},{"id":"t","handshake":null,"rooms":null}]}}"#;
    check(sparse, {
        let handshake = HandshakeSummary { url: "/".to_owned(), ..HandshakeSummary::default() };
        let rooms = vec!["s".to_owned(), "7".to_owned()];
        answer(Answer::Sockets(vec![
            RemoteSocket { handshake, rooms, ..RemoteSocket::new("s") },
            RemoteSocket::new("t"),
        ]))
    });
    let emitter = br#"{"type":9,"data":{"packet":["a",1]},"uid":"emitter"}"#;
    let envelope = reader().decode(emitter, &root()).unwrap().unwrap();
    assert_eq!(envelope.from, None);
    let nobody = br#"{"type":9,"data":{"packet":["a",1]}}"#;
    assert_eq!(reader().decode(nobody, &root()).unwrap().unwrap(), envelope);
}

#[test]
fn what_is_none_of_the_format_is_named() {
    let check = |json: &str, expected: NodeFormatError| assert_eq!(read(json.as_bytes()), Err(expected), "{json}");
    check(r#"{"type":14,"data":{}}"#, NodeFormatError::UnknownType(14));
    check(r#"{"type":0,"data":7}"#, NodeFormatError::UnknownType(0));
    check(r#"{"type":2,"nsp":"/chat","uid":"a"}"#, NodeFormatError::OtherNamespace);
    check(r#"{"type":3,"data":{"packet":{"type":2,"data":["a"],"nsp":"/chat"}}}"#, NodeFormatError::OtherNamespace);
    let malformed = |json: &str| {
        assert!(matches!(read(json.as_bytes()), Err(NodeFormatError::Malformed(_))), "{json}");
    };
    for json in ["", "{", "{}", "[]", "null", r#"{"type":"3"}"#, r#"{"type":-3}"#, r#"{"type":3}"#, "{\"type\":3} x"] {
        malformed(json);
    }
    for data in ["null", "1", "[]", "{}", r#"{"packet":{"type":3,"data":["a"]}}"#, r#"{"packet":{"type":2}}"#] {
        malformed(&format!(r#"{{"type":3,"data":{data}}}"#));
    }
    for (number, data) in [(4, r#"{"rooms":["r"]}"#), (5, r#"{"rooms":["r"]}"#), (6, r#"{"close":true}"#)] {
        malformed(&format!(r#"{{"type":{number},"data":{data}}}"#));
    }
    for (number, data) in [(7, "{}"), (8, "{}"), (8, r#"{"requestId":"a"}"#), (9, "{}"), (9, r#"{"packet":{}}"#)] {
        malformed(&format!(r#"{{"type":{number},"data":{data}}}"#));
    }
    for (number, data) in [(10, "{}"), (11, r#"{"requestId":"a","clientCount":-1}"#), (12, r#"{"packet":1}"#)] {
        malformed(&format!(r#"{{"type":{number},"data":{data}}}"#));
    }
    malformed("{\"type\":3,\"data\":\"\u{d7ff}\"}");
    let deep = format!(r#"{{"type":9,"data":{{"packet":["a",{}1{}]}}}}"#, "[".repeat(200), "]".repeat(200));
    check(&deep, NodeFormatError::Malformed("nested too deeply"));
    // MessagePack: no map, no text, two values, a binary room, a map that looks like a placeholder beside binary.
    for bytes in ["90", "81 01 02", "81 a474797065 02 00", "82 a474797065 04 a464617461 81 a5726f6f6d73 91 c40101"] {
        assert!(matches!(read(&hex(bytes)), Err(NodeFormatError::Malformed(_))), "{bytes}");
    }
    let mut forged = hex("82 a474797065 09 a464617461 81 a67061636b6574 93 a161 c40101");
    forged.extend(hex("82 ac5f706c616365686f6c646572 c3 a36e756d 00"));
    assert_eq!(read(&forged), Err(NodeFormatError::Malformed("illegal placeholders")));
}

#[test]
fn the_own_message_is_skipped() {
    let own = NodeDecoder::new(node(), NodeFormatLimits::default());
    let message = message(broadcast("a", Bytes::from_static(b"x"), Selector::default()));
    assert_eq!(own.decode(&encode(&node(), &message), &root()), Ok(None));
    assert_eq!(own.decode(br#"{"type":77,"uid":"0f4cc536eaa7f3f5"}"#, &root()), Ok(None));
}

fn some_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((".{0,4}", inner), 0..3).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

fn some_body() -> impl Strategy<Value = MessageBody> {
    let names = || prop::collection::vec(".{0,6}", 0..3);
    let selector = (names(), names(), any::<bool>()).prop_map(|(rooms, except, volatile)| Selector {
        rooms,
        except,
        flags: BroadcastFlags { volatile, ..BroadcastFlags::default() },
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..20);
    (selector, names(), ".{0,6}", prop::collection::vec(some_value(), 0..3), prop::option::of(bytes), 0..9).prop_map(
        |(to, rooms, event, values, bytes, kind)| {
            let args = match bytes {
                Some(bytes) => RawArgs::each(&(Bytes::from(bytes), &values)).unwrap(),
                None => RawArgs::each(&values).unwrap(),
            };
            let packet = EventPacket { event, args };
            match kind {
                0 => MessageBody::Broadcast { packet, to },
                1 => MessageBody::Join { to, rooms },
                2 => MessageBody::Leave { to, rooms },
                3 => ask(Question::BroadcastWithAck { packet, to }),
                4 => ask(Question::ServerEvent(packet)),
                5 => answer(Answer::ClientAck(packet.args)),
                6 => answer(Answer::Rooms(rooms)),
                7 => ask(Question::Sockets(to)),
                _ => MessageBody::ServerEvent(packet),
            }
        },
    )
}

/// No arguments are kept as none or as an empty list, so that messages are compared as they are written.
fn again(body: &MessageBody) -> Vec<u8> {
    encode(&node(), &message(body.clone()))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(body in some_body()) {
        let message = message(body);
        let encoded = encode(&node(), &message);
        prop_assert_eq!(again(&read(&encoded).unwrap()), encoded.clone());
        prop_assert_eq!(again(&read(&encode_msgpack(&node(), &message)).unwrap()), encoded);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_any(&bytes);
    }

    #[test]
    fn no_damage_makes_reading_panic(body in some_body(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for mut bytes in [encode(&node(), &message(body.clone())), encode_msgpack(&node(), &message(body))] {
            let place = place.index(bytes.len());
            bytes[place] = byte;
            let _ = read_any(&bytes);
            let _ = read_any(&bytes[..place]);
        }
    }
}

fn read_any(bytes: &[u8]) -> Result<Option<NodeEnvelope>, NodeFormatError> {
    let namespace = root();
    if let Ok(text) = std::str::from_utf8(bytes) {
        for message_type in 0..14 {
            let _ = reader().decode_fields(NodeFields {
                message_type,
                data: Some(text),
                sender: None,
                namespace: &namespace,
            });
        }
    }
    reader().decode(bytes, &namespace)
}
