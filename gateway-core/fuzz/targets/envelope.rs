//! The text of a frame. What is read as an event says what a JSON parser reads in it, and can be said back.

#![no_main]

use gateway_core::fuzzing::{is_too_deep, read_event};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

/// Bytes allocated for a byte of input, at most: the name, the payload and the answer, each with room to grow.
const MOST: usize = 8;

fuzz_target!(|text: &str| {
    let Some((read, frame)) = allocating(MOST, text.len(), || read_event(text)) else { return };
    match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            assert_eq!(value["event"], read.event.as_str());
            assert_eq!(parsed(read.data.as_deref()), value["data"]);
            // The integer -0 is 0; a tree of values keeps its sign as a float.
            let id = if value["id"].as_f64() == Some(0.0) { Value::from(0) } else { value["id"].clone() };
            assert_eq!(parsed(read.id.as_deref()), id);
            // Of a member that comes twice the tree keeps one.
            assert!(is_too_deep(text, depth(&value) - 1));
        }
        // What JSON may hold and a tree of values cannot is passed on as it came.
        Err(error) => {
            let cannot_hold = ["surrogate", "hex escape", "out of range", "recursion limit"];
            assert!(cannot_hold.iter().any(|why| error.to_string().contains(why)), "{error}: {text}");
        }
    }
    let text = std::str::from_utf8(payload(&frame)).expect("a text");
    let (again, _) = read_event(text).expect("what we write can be read");
    assert_eq!((&again.event, &again.id), (&read.event, &read.id));
    assert_eq!(again.data.filter(|data| data != "null"), read.data.filter(|data| data != "null"));
});

fn parsed(json: Option<&str>) -> Value {
    json.map_or(Value::Null, |json| serde_json::from_str(json).expect("JSON"))
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Of one whole frame that is not masked (RFC 6455 §5.2).
fn payload(frame: &[u8]) -> &[u8] {
    assert_eq!(frame[0], 0x81, "one text frame");
    let (start, length) = match frame[1] {
        126 => (4, u64::from(u16::from_be_bytes([frame[2], frame[3]]))),
        127 => (10, u64::from_be_bytes(frame[2..10].try_into().expect("eight bytes"))),
        short => (2, u64::from(short)),
    };
    assert_eq!(frame.len() as u64, start as u64 + length);
    &frame[start..]
}
