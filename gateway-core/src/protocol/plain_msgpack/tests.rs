use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::protocol::ReplyEvent;
use crate::protocol::plain::decode;

const EXTENT: MsgpackLimits = MsgpackLimits { depth: 128, attachments: 10 };

/// Describes a message independently of its format.
fn said(incoming: Incoming<'_>) -> String {
    let text = |payload: &Payload<'_>| format!("{:?} {}", payload.shape, payload.text());
    match incoming {
        Incoming::Event(Envelope { event, payload, id }) => format!("event {event} {} {id:?}", text(&payload)),
        Incoming::Answer { ask, outcome } => {
            format!("answer {ask} {:?}", outcome.map(|payload| text(&payload)).map_err(RawValue::get))
        }
        Incoming::Cancel(id) => format!("cancel {id}"),
        Incoming::Renew { auth, id } => format!("auth {auth} {id:?}"),
        other => unreachable!("{other:?}"),
    }
}

fn said_packed(bytes: &[u8]) -> Result<String, String> {
    let mut heard = None;
    decode_packed(bytes, EXTENT, |incoming| heard = Some(said(incoming)))
        .map_err(|malformed| malformed.why.into_owned())?;
    Ok(heard.expect("what is read is handed on"))
}

fn packed(json: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    MsgpackWriter::new(&mut bytes).json(&json.to_string(), &[]);
    bytes
}

/// The JSON of one frame.
fn unpacked(frame: &Encoded) -> Value {
    let bytes = frame.as_slice();
    let start = match bytes[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let (json, _) = MsgpackReader::new(&bytes[start..], EXTENT).json().unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn both_forms_say_the_same() {
    for message in [
        json!({"event": "a", "data": {"x": [1, -1, 1.5, null, true, "ü"]}}),
        json!({"event": "a", "data": [1, 2], "id": 7}),
        json!({"event": "a", "data": null, "id": "x\"y"}),
        json!({"event": "", "id": -3}),
        json!({"event": "a", "id": u64::MAX, "other": [[]]}),
        json!({"answer": 3, "data": [1]}),
        json!({"answer": 3, "error": {"why": "no"}}),
        json!({"answer": 3, "error": null}),
        json!({"cancel": "x"}),
        json!({"auth": {"token": "t"}, "id": 7}),
        json!({"auth": "t"}),
        json!({"event": "a", "id": null}),
    ] {
        let plain = said(decode(&message.to_string()).unwrap());
        assert_eq!(said_packed(&packed(&message)), Ok(plain), "{message}");
    }
}

#[test]
fn what_one_form_refuses_the_other_does_too() {
    for message in [json!({}), json!({"id": 7}), json!({"event": "a", "id": 1.5}), json!({"answer": -1}), json!([1])] {
        assert!(decode(&message.to_string()).is_err(), "{message}");
        assert!(said_packed(&packed(&message)).is_err(), "{message}");
    }
}

#[test]
fn bytes_are_bytes() {
    // {"event": "a", "data": {"b": bin 1 2}}
    let message = b"\x82\xa5event\xa1a\xa4data\x81\xa1b\xc4\x02\x01\x02";
    let mut parts = Vec::new();
    let mut take = |incoming: Incoming<'_>| {
        let Incoming::Event(Envelope { payload, .. }) = incoming else { unreachable!() };
        parts = payload.attachments().to_vec();
        assert_eq!(payload.text(), r#"{"b":{"_placeholder":true,"num":0}}"#);
    };
    decode_packed(message, EXTENT, &mut take).unwrap();
    assert_eq!(parts, [Bytes::from_static(&[1, 2])]);

    let json = r#"{"b":{"_placeholder":true,"num":0}}"#;
    let content = ContentRef { json, shape: crate::protocol::Arity::One, attachments: &parts };
    let frame = encode_packed(&Outgoing::Event { event: "a", content, offset: None }, None);
    assert_eq!(&frame.as_slice()[2..], message);
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,4}", inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #[test]
    fn what_the_server_says_is_the_same_in_both(event in ".{0,8}", data in any_value(), number in any::<i64>(), is_item in any::<bool>()) {
        let json = data.to_string();
        let (content, id) = (ContentRef::from(json.as_str()), RequestId::Integer(number));
        let id = Some(&id).filter(|_| number % 3 != 0);
        let named = ReplyEvent::Own;
        let mut all = vec![
            Outgoing::Event { event: &event, content, offset: None },
            Outgoing::Connected { id: &event, recovery: is_item.then_some("key"), recovered: number % 3 == 0 },
            Outgoing::Exception { data: &json, id },
            Outgoing::Ask { event: &event, content, ask: number.unsigned_abs() },
            if is_item { Outgoing::Item { event: &event, content, id, named } } else { Outgoing::Reply { event: &event, content, id, named } },
        ];
        all.extend(id.map(|id| Outgoing::End { event: &event, id }));
        for outgoing in all {
            let mut plain = Vec::new();
            plain::encode(&outgoing, &mut plain);
            prop_assert_eq!(unpacked(&encode_packed(&outgoing, None)), serde_json::from_slice::<Value>(&plain).unwrap());
            if plain::is_event(&outgoing) {
                let (mut plain, offset) = (Vec::new(), number.unsigned_abs().to_string());
                plain::encode_numbered(&outgoing, Some(&offset), &mut plain);
                let packed = unpacked(&encode_packed(&outgoing, Some(&offset)));
                prop_assert_eq!(packed, serde_json::from_slice::<Value>(&plain).unwrap());
            }
        }
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = said_packed(&bytes);
    }
}
