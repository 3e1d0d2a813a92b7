//! Packets on the wire, byte for byte, and invalid ones.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;
use crate::protocol::ServerFrames;
use crate::protocol::{Arity, Content, ContentRef, Incoming, OpCode, Payload, ReplyEvent, RequestId, is_reserved};

const LIMITS: PacketLimits = PacketLimits { attachments: 10, attachment_bytes: 1000, depth: 128 };

fn first(number: usize) -> String {
    format!("{{\"_placeholder\":true,\"num\":{number}}}")
}

fn shown(payload: &Payload<'_>) -> String {
    let json = payload.json.as_deref().unwrap_or("-");
    let parts: Vec<String> = payload.attachments().iter().map(|part| format!(" {part:?}")).collect();
    format!("{json} {:?}{}", payload.shape, parts.concat())
}

fn said(namespace: &str, incoming: &Incoming<'_>) -> String {
    match incoming {
        Incoming::Event(envelope) => {
            let id = envelope.id.as_ref().map_or("-".to_owned(), RequestId::to_string);
            format!("{namespace} event {} {id} {}", envelope.event, shown(&envelope.payload))
        }
        Incoming::Answer { ask, outcome: Ok(payload) } => format!("{namespace} answer {ask} {}", shown(payload)),
        Incoming::Answer { outcome: Err(error), .. } => panic!("a refusal: {error}"),
        Incoming::Cancel(id) => panic!("a cancel: {id}"),
        Incoming::Renew { auth, .. } => panic!("credentials: {auth}"),
        Incoming::Connect { auth } => format!("{namespace} connect {}", auth.map_or("-", RawValue::get)),
        Incoming::Disconnect => format!("{namespace} disconnect"),
        Incoming::Nothing => format!("{namespace} nothing"),
    }
}

/// Decodes a text and the binary messages after it; returns the delivered messages or the violation.
fn decoded(text: &str, parts: &[&[u8]]) -> Result<Vec<String>, &'static str> {
    let mut packets = PacketDecoder::new(LIMITS);
    let mut heard = Vec::new();
    let mut deliver = |namespace: Option<&str>, incoming: Incoming<'_>| heard.push(said(namespace.unwrap(), &incoming));
    packets.text(text, &mut deliver).map_err(|violation| violation.why)?;
    for part in parts {
        packets.binary(part, &mut deliver).map_err(|violation| violation.why)?;
    }
    assert!(packets.pending.is_none(), "{text}");
    Ok(heard)
}

fn check(text: &str, parts: &[&[u8]], expected: &str) {
    assert_eq!(decoded(text, parts), Ok(vec![expected.to_owned()]), "{text}");
}

#[test]
fn packets_are_read_as_the_protocol_says() {
    check("0", &[], "/ connect -");
    check("0{\"token\":\"x\"}", &[], "/ connect {\"token\":\"x\"}");
    check("0/admin,{}", &[], "/admin connect {}");
    check("0/random", &[], "/random connect -");
    check("0/a?token=x,", &[], "/a?token=x connect -");
    check("1", &[], "/ disconnect");
    check("1/admin,", &[], "/admin disconnect");
    check("2[\"hello\",1]", &[], "/ event hello - 1 One");
    check("2[\"hello\"]", &[], "/ event hello - - Several");
    check("212[\"hello\",{\"a\":[]}]", &[], "/ event hello 12 {\"a\":[]} One");
    check("2007[\"hello\",1,2]", &[], "/ event hello 7 [1,2] Several");
    check("2/admin,456[\"project:delete\",123]", &[], "/admin event project:delete 456 123 One");
    check("218446744073709551615[\"a\"]", &[], "/ event a 18446744073709551615 - Several");
    check("2[1,2]", &[], "/ event 1 - 2 One");
    check("3/admin,456[]", &[], "/admin answer 456 - Several");
    check("30[\"ok\",2]", &[], "/ answer 0 [\"ok\",2] Several");
}

#[test]
fn binary_parts_follow_their_packet() {
    let one = first(0);
    check(&format!("51-[\"hello\",{one}]"), &[&[1, 2, 3]], &format!("/ event hello - {one} One b\"\\x01\\x02\\x03\""));
    check(&format!("51-/admin,7[\"h\",{one}]"), &[b"x"], &format!("/admin event h 7 {one} One b\"x\""));
    check(&format!("61-/admin,456[{one}]"), &[b"x"], &format!("/admin answer 456 {one} One b\"x\""));
    check(
        &format!("52-[\"h\",{},{}]", first(0), first(1)),
        &[b"x", b""],
        &format!("/ event h - [{},{}] Several b\"x\" b\"\"", first(0), first(1)),
    );
}

#[test]
fn placeholders_may_be_out_of_order_repeated_or_missing() {
    let in_order = format!("[{},{}]", first(0), first(1));
    check(
        &format!("52-[\"h\",{},{}]", first(1), first(0)),
        &[b"x", b"y"],
        &format!("/ event h - {in_order} Several b\"y\" b\"x\""),
    );
    check(
        &format!("51-[\"h\",{},{}]", first(0), first(0)),
        &[b"x"],
        &format!("/ event h - {in_order} Several b\"x\" b\"x\""),
    );
    check("51-[\"h\",1]", &[b"x"], "/ event h - 1 One");
    check(&format!("52-[\"h\",{}]", first(1)), &[b"x", b"y"], &format!("/ event h - {} One b\"y\"", first(0)));
    let deep = "{\"a\":[{\"num\":1, \"_placeholder\":true}, 5]}";
    check(&format!("52-[\"h\",{deep}]"), &[b"x", b"y"], &format!("/ event h - {{\"a\":[{}, 5]}} One b\"y\"", first(0)));
}

#[test]
fn an_answer_without_a_payload_is_one_without_arguments() {
    check("31", &[], "/ answer 1 - Several");
    check("3/admin,7", &[], "/admin answer 7 - Several");
}

#[test]
fn packets_without_meaning_say_nothing_but_their_namespace() {
    check("2", &[], "/ nothing");
    check("2/admin,", &[], "/admin nothing");
    check("2/admin[1]", &[], "/admin[1] nothing");
    check("212", &[], "/ nothing");
    check("3", &[], "/ nothing");
    check("3[1]", &[], "/ nothing");
    check("51-", &[b"x"], "/ nothing");
    check("61-[1]", &[b"x"], "/ nothing");
    check("61-/admin,", &[b"x"], "/admin nothing");
}

#[test]
fn what_is_malformed_is_a_violation() {
    let check = |texts: &[&str]| texts.iter().for_each(|text| assert!(decoded(text, &[]).is_err(), "{text}"));
    check(&["", "7", "x", "ü", "-1", "\u{1f600}", "\u{feff}0", "4", "4\"no\"", "4{\"message\":\"no\"}"]);
    check(&["0[]", "0\"x\"", "0null", "0{bad", "0{}x", "0/a,1.5", "1{}", "1/admin,{}", "1x"]);
    check(&["2[]", "2{}", "2\"a\"", "2[null]", "2[true]", "2[{}]", "2[{\"toString\":\"x\"}]", "2[[\"a\"]]"]);
    check(&["2[\"a\"]x", "2[\"a\"", "2[\"a\",1,]", "2 [\"a\"]"]);
    check(&["2abc[\"a\"]", "2-1[\"a\"]", "21.5[\"a\"]", "299999999999999999999[\"a\"]"]);
    for name in ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"] {
        check(&[&format!("2[\"{name}\",1]"), &format!("51-[\"{name}\"]")]);
    }
    check(&["3{}", "31{}", "31\"a\"", "31[", "31[1]x"]);
    check(&["5", "5-", "5[\"a\"]", "5-[\"a\"]", "50-[\"a\"]", "51[\"a\"]", "51", "5x-[\"a\"]", "5-1-[\"a\"]"]);
    check(&["51.0-[\"a\"]", "511-[\"a\"]", "5451000000-[\"a\"]", "599999999999999999999999999-[\"a\"]"]);
    check(&["51-[]", "51-{}", "51-[\"a\"", "6", "60-1[]", "611-1[]", "61-1{}"]);
}

#[test]
fn a_placeholder_that_names_no_part_is_a_violation() {
    for number in ["1", "-1", "0.5", "\"splice\"", "\"0\"", "null", "true", "{}", "[]", "1e0", "99999999999999999999"] {
        let text = format!("51-[\"a\",{{\"_placeholder\":true,\"num\":{number}}}]");
        assert_eq!(decoded(&text, &[b"x"]), Err("illegal attachments"), "{text}");
    }
    assert_eq!(decoded("51-[\"a\",{\"_placeholder\":true}]", &[b"x"]), Err("illegal attachments"));
    assert_eq!(decoded(&format!("51-[{}]", first(0)), &[b"x"]), Err("invalid event name"));
}

#[test]
fn messages_come_in_the_order_their_packet_says() {
    let mut packets = PacketDecoder::new(LIMITS);
    assert!(packets.binary(b"x", &mut |_, _| panic!("nothing was said")).is_err());
    let mut packets = PacketDecoder::new(LIMITS);
    packets.text("52-[\"a\"]", &mut |_, _| panic!("nothing was said")).unwrap();
    packets.binary(b"x", &mut |_, _| panic!("nothing was said")).unwrap();
    assert!(packets.pending.is_some());
    assert!(packets.text("2[\"a\"]", &mut |_, _| panic!("nothing was said")).is_err());
    let mut packets = PacketDecoder::packed(LIMITS);
    assert!(packets.text("0", &mut |_, _| panic!("nothing was said")).is_err());
}

#[test]
fn attachments_are_bounded_in_bytes() {
    let half = [0; 500];
    let text = format!("52-[\"a\",{},{}]", first(0), first(1));
    assert!(decoded(&text, &[&half, &half]).is_ok());
    assert_eq!(decoded(&text, &[&half, &[0; 501]]), Err("too many bytes in attachments"));
    let twice = format!("51-[\"a\",{},{}]", first(0), first(0));
    assert!(decoded(&twice, &[&half]).is_ok());
    assert_eq!(decoded(&twice, &[&[0; 501]]), Err("too many bytes in attachments"));
    let often = format!("51-[\"a\",[{}]]", vec![first(0); 11].join(","));
    assert_eq!(decoded(&often, &[b""]), Err("too many placeholders"));
}

/// Quadratic work would take hours.
#[test]
fn a_megabyte_of_nonsense_is_found_at_once() {
    for piece in ["[", "{\"a\":", "[\"\\\\\",", "{\"_placeholder\":true,", "-", "\"", "é", "\\", "\"\\u005f\":"] {
        let text = piece.repeat(1_000_000 / piece.len());
        for head in ["2", "2[\"a\",", "51-[\"a\",", "3", "31", "61-1[", "0", "5", "2/,"] {
            assert!(decoded(&format!("{head}{text}"), &[]).is_err(), "{head}{piece}");
        }
    }
    let pairs = vec!["{\"_placeholder\":false}"; 40_000].join(",");
    assert!(decoded(&format!("51-[\"a\",[{pairs}]]"), &[b""]).is_ok());
}

/// Frames as text, binary ones as bytes.
fn encoded(namespace: &str, outgoing: &Outgoing<'_>) -> Vec<String> {
    let encoded = encode(namespace, outgoing);
    let mut read = 0;
    let frames = ServerFrames::new(encoded.as_slice()).inspect(|frame| {
        read += Encoded::frame(frame.opcode, frame.payload).len();
    });
    let shown = frames.map(|frame| match frame.opcode {
        OpCode::Text => String::from_utf8(frame.payload.to_vec()).unwrap(),
        other => format!("{other:?} {:?}", Bytes::copy_from_slice(frame.payload)),
    });
    let shown = shown.collect();
    assert_eq!(read, encoded.len());
    shown
}

fn several(json: &str) -> ContentRef<'_> {
    ContentRef { json, shape: Arity::Several, attachments: &[] }
}

#[test]
fn packets_are_written_as_the_protocol_says() {
    let check = |namespace: &str, outgoing: Outgoing<'_>, expected: &[&str]| {
        assert_eq!(encoded(namespace, &outgoing), expected, "{outgoing:?}");
    };
    let id = RequestId::Integer(7);
    let event = |content| Outgoing::Event { event: "a\"b", content, offset: None };
    check("/", event("1".into()), &[r#"42["a\"b",1]"#]);
    check("/chat", event(several("[1, {}]")), &[r#"42/chat,["a\"b",1, {}]"#]);
    check("/", event(several(" [ ] ")), &[r#"42["a\"b"]"#]);
    let recoverable = |content| Outgoing::Event { event: "e1", content, offset: Some("Q7vixYi") };
    check("/", recoverable("1".into()), &[r#"42["e1",1,"Q7vixYi"]"#]);
    check("/", recoverable(several("[]")), &[r#"42["e1","Q7vixYi"]"#]);
    check("/", Outgoing::Ask { event: "q", content: several("[]"), ask: 0 }, &[r#"420["q"]"#]);
    check("/chat", Outgoing::Ask { event: "q", content: "{}".into(), ask: 12 }, &[r#"42/chat,12["q",{}]"#]);
    check("/", Outgoing::End { event: "a", id: &id }, &["437[]"]);
    check("/chat", Outgoing::End { event: "a", id: &RequestId::Large(u64::MAX) }, &["43/chat,18446744073709551615[]"]);
    check("/", Outgoing::Exception { data: "{}", id: Some(&id) }, &["437[{}]"]);
    check("/", Outgoing::Exception { data: "{}", id: None }, &[r#"42["exception",{}]"#]);
    check("/", Outgoing::Connected { id: "x", recovery: None, recovered: false }, &[r#"40{"sid":"x"}"#]);
    check(
        "/chat",
        Outgoing::Connected { id: "x", recovery: Some("y"), recovered: false },
        &[r#"40/chat,{"sid":"x","pid":"y"}"#],
    );
    check("/x", Outgoing::Refused { data: r#"{"message":"no"}"# }, &[r#"44/x,{"message":"no"}"#]);
    check("/", Outgoing::Disconnected, &["41"]);
    check("/chat", Outgoing::Disconnected, &["41/chat,"]);
}

#[test]
fn a_value_goes_to_who_waits_for_it() {
    let id = RequestId::Integer(7);
    let (one, event) = ("1".into(), "a");
    let reply = |id, named| encoded("/", &Outgoing::Reply { event, content: one, id, named });
    assert_eq!(reply(Some(&id), ReplyEvent::Own), ["437[1]"]);
    assert_eq!(reply(None, ReplyEvent::Own), [""; 0]);
    assert_eq!(reply(None, ReplyEvent::Other), [r#"42["a",1]"#]);
    assert_eq!(reply(Some(&id), ReplyEvent::Other), [r#"42["a",1]"#, "437[1]"]);
    let item = |id, named| encoded("/", &Outgoing::Item { event, content: one, id, named });
    assert_eq!(item(Some(&id), ReplyEvent::Own), [r#"42["a",1]"#]);
    assert_eq!(item(Some(&id), ReplyEvent::Other), [r#"42["a",1]"#]);
    assert_eq!(item(None, ReplyEvent::Other), [r#"42["a",1]"#]);
    assert_eq!(item(None, ReplyEvent::Own), [""; 0]);
}

#[test]
fn binary_parts_are_frames_behind_their_packet() {
    let json = format!("{{\"a\":{},\"b\":[{}]}}", first(0), first(1));
    let parts = [Bytes::from_static(b"x"), Bytes::from_static(&[0; 300])];
    let content = ContentRef { json: &json, shape: Arity::One, attachments: &parts };
    let zeros = format!("Binary {:?}", parts[1]);
    let event = Outgoing::Event { event: "e", content, offset: Some("o") };
    assert_eq!(encoded("/c", &event), [&format!("452-/c,[\"e\",{json},\"o\"]"), "Binary b\"x\"", &zeros]);
    let id = RequestId::Integer(7);
    let reply = Outgoing::Reply { event: "e", content, id: Some(&id), named: ReplyEvent::Own };
    assert_eq!(encoded("/", &reply), [&format!("462-7[{json}]"), "Binary b\"x\"", &zeros]);
}

/// JSON of one value or of the array of several, with the parts its placeholders name.
fn any_content() -> impl Strategy<Value = Content> {
    let leaf = prop_oneof![
        Just(None),
        any::<i64>().prop_map(|number| Some(number.to_string())),
        ".{0,8}".prop_map(|text| Some(serde_json::to_string(&text).unwrap())),
    ];
    (proptest::collection::vec(leaf, 0..5), any::<bool>(), any::<bool>()).prop_map(|(leaves, is_one, is_object)| {
        let mut attachments = Vec::new();
        let values = leaves.iter().map(|leaf| {
            let json = leaf.clone().unwrap_or_else(|| {
                attachments.push(Bytes::from(vec![7; attachments.len() * 100]));
                first(attachments.len() - 1)
            });
            if is_object { format!("{{\"k\":{json}}}") } else { json }
        });
        let json = format!("[{}]", values.collect::<Vec<_>>().join(","));
        let shape = if is_one || leaves.len() == 1 { Arity::One } else { Arity::Several };
        Content { json, shape, attachments }
    })
}

fn read_back(packets: &mut PacketDecoder, encoded: &Encoded) -> Vec<String> {
    let mut heard = Vec::new();
    let mut deliver = |namespace: Option<&str>, incoming: Incoming<'_>| heard.push(said(namespace.unwrap(), &incoming));
    for frame in ServerFrames::new(encoded.as_slice()) {
        match frame.opcode {
            OpCode::Text => packets.text(std::str::from_utf8(&frame.payload[1..]).unwrap(), &mut deliver).unwrap(),
            _ => packets.binary(frame.payload, &mut deliver).unwrap(),
        }
    }
    heard
}

proptest! {
    #[test]
    fn what_is_written_can_be_read_in_both_forms(
        event in "[^\u{0}]{0,8}", content in any_content(), ask: u64, namespace in "/|/[a-z]{1,5}",
    ) {
        prop_assume!(!is_reserved(&event));
        let outgoing = Outgoing::Ask { event: &event, content: content.borrowed(), ask };
        let json = (content.json != "[]" || content.shape == Arity::One).then_some(content.json.as_str());
        let parts: Vec<String> = content.attachments.iter().map(|part| format!(" {part:?}")).collect();
        let (json, parts) = (json.unwrap_or("-"), parts.concat());
        let expected = format!("{namespace} event {event} {ask} {json} {:?}{parts}", content.shape);
        let text = read_back(&mut PacketDecoder::new(LIMITS), &encode(&namespace, &outgoing));
        prop_assert_eq!(&text, std::slice::from_ref(&expected));
        let packed = read_back(&mut PacketDecoder::packed(LIMITS), &encode_packed(&namespace, &outgoing));
        prop_assert_eq!(packed, [expected]);
    }

    #[test]
    fn no_text_makes_decoding_panic(text in "[0-6]?([0-9]{1,2}-)?(/[a-z],)?[0-9]{0,2}(\\[|\\{|\"|_placeholder|:|,|.){0,20}", parts: Vec<Vec<u8>>) {
        let mut packets = PacketDecoder::new(LIMITS);
        let _ = packets.text(&text, &mut |_, _| {});
        for part in &parts {
            let _ = packets.binary(part, &mut |_, _| {});
        }
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>) {
        let _ = PacketDecoder::packed(LIMITS).binary(&bytes, &mut |_, _| {});
    }
}
