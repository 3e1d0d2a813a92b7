//! Packets byte for byte as the reference's parser writes and reads them.

use data_encoding::HEXLOWER;
use serde_json::value::RawValue;

use crate::protocol::ServerFrames;
use crate::protocol::socket_io::{PacketDecoder, PacketLimits, encode_packed};
use crate::protocol::{Arity, Content, Incoming, OpCode, Outgoing, ReplyEvent, RequestId};

const LIMITS: PacketLimits = PacketLimits { attachments: 2, attachment_bytes: 1000, depth: 3 };

/// A map of these entries, whose markers are left to the test.
fn packet(entries: &str) -> Vec<u8> {
    let names = [("type ", "a474797065"), ("nsp ", "a36e7370"), ("data ", "a464617461"), ("id ", "a26964")];
    let hex = names.iter().fold(entries.to_owned(), |entries, (name, hex)| entries.replace(name, hex));
    HEXLOWER.decode(hex.replace(' ', "").as_bytes()).unwrap()
}

fn decoded(bytes: &[u8]) -> Result<String, &'static str> {
    let mut heard = String::new();
    let mut deliver = |namespace: Option<&str>, incoming: Incoming<'_>| {
        let namespace = namespace.unwrap();
        heard = match incoming {
            Incoming::Event(envelope) => {
                let (payload, id) = (envelope.payload, envelope.id);
                let id = id.map_or("-".to_owned(), |id| id.to_string());
                let parts: Vec<_> = payload.attachments().iter().map(|part| format!(" {part:?}")).collect();
                format!("{namespace} event {} {id} {}{}", envelope.event, payload.text(), parts.concat())
            }
            Incoming::Answer { ask, outcome } => format!("{namespace} answer {ask} {}", outcome.unwrap().text()),
            Incoming::Cancel(id) => panic!("a cancel: {id}"),
            Incoming::Renew { auth, .. } => panic!("credentials: {auth}"),
            Incoming::Connect { auth } => format!("{namespace} connect {}", auth.map_or("-", RawValue::get)),
            Incoming::Disconnect => format!("{namespace} disconnect"),
            Incoming::Nothing => format!("{namespace} nothing"),
        }
    };
    PacketDecoder::packed(LIMITS).binary(bytes, &mut deliver).map_err(|violation| violation.why)?;
    Ok(heard)
}

#[test]
fn packets_are_read_as_the_reference_writes_them() {
    let check = |entries: &str, expected: &str| {
        assert_eq!(decoded(&packet(entries)).as_deref(), Ok(expected), "{entries}");
    };
    check("83 type 00 nsp a12f data d40000", "/ connect -");
    check("83 type 00 nsp a12f data 81a17401", "/ connect {\"t\":1}");
    check("83 type 00 nsp a12f data 81a162c4020102", "/ connect {\"b\":\"AQI=\"}");
    check("82 type 01 nsp a22f78", "/x disconnect");
    check(
        "83 type 02 nsp a12f data 93a568656c6c6f01c4020102",
        r#"/ event hello - [1,{"_placeholder":true,"num":0}] b"\x01\x02""#,
    );
    check("84 type 02 nsp a12f data 92a16101 id 05", "/ event a 5 1");
    check("84 data 91a161 id cd0100 nsp a12f type 02", "/ event a 256 null");
    check("83 type 02 nsp a12f data 920501", "/ event 5 - 1");
    check("84 type 03 nsp a12f data 920102 id 05", "/ answer 5 [1,2]");
    check("84 type 03 nsp a12f data 90 id 05", "/ answer 5 null");
    check("84 type 02 nsp a12f data 91a161 a178 9180", "/ event a - null");
    // A packet of Python's client says nil for nothing.
    check("83 type 01 data c0 nsp a12f", "/ disconnect");
    check("84 type 02 nsp a12f data 91a161 id c0", "/ event a - null");
    check("83 type 03 nsp a12f data 90", "/ nothing");
}

#[test]
fn what_is_malformed_is_a_violation() {
    let check = |entries: &str| assert!(decoded(&packet(entries)).is_err(), "{entries}");
    for entries in ["", "c0", "90", "80", "82 type 02 nsp a12f", "82 type 02 data 91a161", "82 nsp a12f data 91a161"] {
        check(entries);
    }
    for packet in ["04", "05", "06", "ff", "a132", "cb4000000000000000", "c0", "cd0102"] {
        check(&format!("83 type {packet} nsp a12f data 91a161"));
    }
    for namespace in ["00", "c0", "c4012f", "a2c328"] {
        check(&format!("83 type 02 nsp {namespace} data 91a161"));
    }
    for data in ["c0", "80", "a161", "90", "91c0", "9180", "91c3", "91c40161", "91a7636f6e6e656374", "91"] {
        check(&format!("83 type 02 nsp a12f data {data}"));
    }
    for data in ["90", "a161", "01"] {
        check(&format!("83 type 00 nsp a12f data {data}"));
        check(&format!("83 type 01 nsp a12f data {data}"));
    }
    for id in ["ff", "a131", "cb3fe0000000000000", "90"] {
        check(&format!("84 type 02 nsp a12f data 91a161 id {id}"));
    }
    check("83 type 03 nsp a12f data 80");
    check("83 type 02 nsp a12f data 91a16100");
    check("8300 type 02 nsp a12f data 91a161");
}

#[test]
fn depth_and_parts_are_bounded() {
    let event = |data: &str| decoded(&packet(&format!("83 type 02 nsp a12f data 92a161 {data}")));
    assert!(event("919190").is_ok());
    assert!(event("91919190").is_err());
    assert!(event("92c400c400").is_ok());
    assert!(event("93c400c400c400").is_err());
    let look_alike = "82ac5f706c616365686f6c646572c3a36e756d05";
    assert!(event(look_alike).is_ok());
    assert!(event(&format!("92c400{look_alike}")).is_err());
}

#[test]
fn packets_are_written_as_the_reference_reads_them() {
    let check = |namespace: &str, outgoing: Outgoing<'_>, expected: &str| {
        let encoded = encode_packed(namespace, &outgoing);
        let mut frames = ServerFrames::new(encoded.as_slice());
        let frame = frames.next().unwrap();
        assert_eq!((frame.opcode, frames.next()), (OpCode::Binary, None));
        assert_eq!(HEXLOWER.encode(frame.payload), HEXLOWER.encode(&packet(expected)), "{outgoing:?}");
    };
    let json = r#"[1,{"_placeholder":true,"num":0}]"#.to_owned();
    let content = Content { json, shape: Arity::Several, attachments: vec![vec![1, 2].into()] };
    let event = Outgoing::Event { event: "hello", content: content.borrowed(), offset: None };
    check("/", event, "83 type 02 nsp a12f data 93a568656c6c6f01c4020102");
    let recoverable = Outgoing::Event { event: "e", content: "{}".into(), offset: Some("o") };
    check("/", recoverable, "83 type 02 nsp a12f data 93a16580a16f");
    check("/", Outgoing::Ask { event: "q", content: "1".into(), ask: 5 }, "84 type 02 nsp a12f data 92a17101 id 05");
    let id = RequestId::Integer(5);
    let content = Content { json: "[ ]".into(), shape: Arity::Several, attachments: Vec::new() };
    let reply = Outgoing::Reply { event: "e", content: content.borrowed(), id: Some(&id), named: ReplyEvent::Own };
    check("/admin", reply, "84 type 03 nsp a62f61646d696e data 90 id 05");
    let large = RequestId::Large(u64::MAX);
    check("/", Outgoing::End { event: "e", id: &large }, "84 type 03 nsp a12f data 90 id cfffffffffffffffff");
    check("/", Outgoing::Exception { data: "{}", id: Some(&id) }, "84 type 03 nsp a12f data 9180 id 05");
    check(
        "/",
        Outgoing::Connected { id: "x", recovery: None, recovered: false },
        "83 type 00 nsp a12f data 81a3736964a178",
    );
    let recovered = Outgoing::Connected { id: "x", recovery: Some("y"), recovered: false };
    check("/", recovered, "83 type 00 nsp a12f data 82a3736964a178a3706964a179");
    check(
        "/x",
        Outgoing::Refused { data: r#"{"message":"no"}"# },
        "83 type 04 nsp a22f78 data 81a76d657373616765a26e6f",
    );
    check("/chat", Outgoing::Disconnected, "82 type 01 nsp a52f63686174");
}

#[test]
fn a_value_for_nobody_is_not_sent() {
    let reply = Outgoing::Reply { event: "e", content: "1".into(), id: None, named: ReplyEvent::Own };
    assert!(encode_packed("/", &reply).is_nothing());
}
