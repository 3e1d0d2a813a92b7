use proptest::prelude::*;

use super::*;
use crate::protocol::ReplyEvent;

fn decoded(text: &str) -> String {
    match decode(text) {
        Ok(Incoming::Event(Envelope { event, payload, id })) => {
            let data = payload.json.as_deref().unwrap_or("-");
            let id = id.map_or("-".to_owned(), |id| id.to_string());
            format!("event {event} {data} {id}")
        }
        Ok(Incoming::Answer { ask, outcome: Ok(payload) }) => {
            format!("answer {ask} {}", payload.json.as_deref().unwrap_or("-"))
        }
        Ok(Incoming::Answer { ask, outcome: Err(error) }) => format!("refusal {ask} {}", error.get()),
        Ok(Incoming::Cancel(id)) => format!("cancel {id}"),
        Ok(Incoming::Renew { auth, id }) => format!("auth {auth} {id:?}"),
        Ok(other) => unreachable!("{other:?}"),
        Err(Malformed { why, id }) => format!("malformed {why} {}", id.map_or("-".to_owned(), |id| id.to_string())),
    }
}

fn encoded(outgoing: &Outgoing<'_>) -> String {
    let mut json = Vec::new();
    encode(outgoing, &mut json);
    String::from_utf8(json).unwrap()
}

#[test]
fn frames_are_read_as_the_protocol_says() {
    let check = |text: &str, expected: &str| assert_eq!(decoded(text), expected, "{text}");
    check(r#"{"event":"a","data":{"x": 1}}"#, r#"event a {"x": 1} -"#);
    check(r#"{"event":"a"}"#, "event a - -");
    check(r#" {"data":[1],"id":7,"event":"a","more":1}"#, "event a [1] 7");
    check(r#"{"event":"a\n","id":"x\"y"}"#, "event a\n - \"x\\\"y\"");
    check(r#"{"event":"a","id":18446744073709551615}"#, "event a - 18446744073709551615");
    check(r#"{"answer":3,"data":null}"#, "answer 3 -");
    check(r#"{"answer":3,"error":"no"}"#, "refusal 3 \"no\"");
    check(r#"{"cancel":"x"}"#, "cancel \"x\"");
    check(r#"{"auth":{"token":"t"},"id":7}"#, r#"auth {"token":"t"} Some(Integer(7))"#);
    check(r#"{"auth":"t"}"#, r#"auth "t" None"#);
    check(r#"{"auth":"t","event":"a"}"#, "event a - -");
    check(r#"{"auth":null,"id":7}"#, "malformed `event` is missing 7");
    check("[\"a\",1]", "malformed the frame is not a JSON object -");
    check("", "malformed the frame is not a JSON object -");
    check(r#"{"id":7,"data":1}"#, "malformed `event` is missing 7");
    check(r#"{"event":"a","id":1.5}"#, "malformed an id is neither a string nor an integer of 64 bits -");
    check(r#"{"answer":-1}"#, "malformed `answer` is not the number of a question -");
    for broken in ["{", "{}x", r#"{"event":5}"#, r#"{"event":"a","event":"b"}"#, r#"{"event":"a","data":}"#] {
        assert!(decoded(broken).starts_with("malformed"), "{broken}");
    }
}

#[test]
fn a_client_that_can_come_back_is_told_where_it_is() {
    let check = |outgoing: Outgoing<'_>, offset: Option<&str>, expected: &str| {
        let mut json = Vec::new();
        encode_numbered(&outgoing, offset, &mut json);
        assert_eq!(String::from_utf8(json).unwrap(), expected);
    };
    let event = Outgoing::Event { event: "a", content: "1".into(), offset: Some("12") };
    check(event, event.offset(), r#"{"event":"a","data":1,"offset":12}"#);
    check(Outgoing::Exception { data: "{}", id: None }, Some("13"), r#"{"event":"exception","data":{},"offset":13}"#);
    check(Outgoing::Event { event: "a", content: "1".into(), offset: None }, None, r#"{"event":"a","data":1}"#);
    check(
        Outgoing::Connected { id: "x", recovery: Some("y"), recovered: true },
        None,
        r#"{"session":{"id":"x","resume":"y","resumed":true}}"#,
    );
    check(
        Outgoing::Connected { id: "x", recovery: None, recovered: false },
        None,
        r#"{"session":{"id":"x","resumed":false}}"#,
    );
}

#[test]
fn what_belongs_to_nothing_else_is_an_event() {
    let id = RequestId::Integer(7);
    let check = |outgoing: Outgoing<'_>, expected: bool| assert_eq!(is_event(&outgoing), expected, "{outgoing:?}");
    let (event, content, data) = ("a", "1".into(), "{}");
    for (id, expected) in [(None, true), (Some(&id), false)] {
        check(Outgoing::Reply { event, content, id, named: ReplyEvent::Own }, expected);
        check(Outgoing::Reply { event, content, id, named: ReplyEvent::Other }, expected);
        check(Outgoing::Item { event, content, id, named: ReplyEvent::Other }, expected);
        check(Outgoing::Exception { data, id }, expected);
    }
    check(Outgoing::Event { event, content, offset: None }, true);
    check(Outgoing::End { event, id: &id }, false);
    check(Outgoing::Ask { event, content, ask: 3 }, false);
    check(Outgoing::Refused { data }, false);
}

#[test]
fn frames_are_written_as_the_protocol_says() {
    let check = |outgoing: Outgoing<'_>, expected: &str| {
        assert_eq!(encoded(&outgoing), expected);
    };
    let id = RequestId::Integer(7);
    check(Outgoing::Event { event: "a\"b", content: "1".into(), offset: None }, r#"{"event":"a\"b","data":1}"#);
    check(
        Outgoing::Reply { event: "a", content: "1".into(), id: Some(&id), named: ReplyEvent::Own },
        r#"{"event":"a","data":1,"id":7}"#,
    );
    check(
        Outgoing::Item { event: "a", content: "1".into(), id: Some(&id), named: ReplyEvent::Own },
        r#"{"event":"a","data":1,"id":7,"more":true}"#,
    );
    check(Outgoing::End { event: "a", id: &id }, r#"{"event":"a","id":7,"end":true}"#);
    check(Outgoing::Exception { data: "{}", id: None }, r#"{"event":"exception","data":{}}"#);
    check(Outgoing::Exception { data: "{}", id: Some(&id) }, r#"{"event":"exception","data":{},"id":7}"#);
    check(Outgoing::Ask { event: "a", content: "1".into(), ask: 3 }, r#"{"event":"a","data":1,"ask":3}"#);
}

proptest! {
    #[test]
    fn what_is_written_can_be_read(event in ".*", text in ".*", number in any::<i64>()) {
        let data = serde_json::to_string(&text).unwrap();
        let id = RequestId::Integer(number);
        let frame = encoded(&Outgoing::Reply { event: &event, content: (&*data).into(), id: Some(&id), named: ReplyEvent::Own });
        let Ok(Incoming::Event(envelope)) = decode(&frame) else { panic!("not an event") };
        prop_assert_eq!(envelope.event, event.as_str());
        prop_assert_eq!(envelope.payload.json.as_deref(), Some(data.as_str()));
        prop_assert_eq!(envelope.id, Some(id));
    }

    #[test]
    fn the_usual_way_reads_what_the_general_way_reads(
        event in "[a-z\"\\\\]{0,4}",
        data in "(null|1|\"[a-z\"]\"|\\{\"a\":\\[1\\]\\}| ?)",
        tail in "(|,\"id\":(7|07|-7|\"x\"|1\\.5|99999999999999999999)|,\"data\":2| )",
    ) {
        let text = format!("{{\"event\":\"{event}\",\"data\":{data}{tail}}}");
        let usual = decode_usual(&text).map(|envelope| format!("{envelope:?}"));
        let general = decode_any(&text);
        if let Some(usual) = usual {
            let Ok(Incoming::Event(envelope)) = general else { panic!("the general way does not read {text}") };
            prop_assert_eq!(usual, format!("{envelope:?}"));
        }
    }

    #[test]
    fn no_text_makes_decoding_panic(text in ".*") {
        let _ = decode(&text);
    }
}
