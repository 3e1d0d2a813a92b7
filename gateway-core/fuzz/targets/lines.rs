//! A client's bytes over TCP. However they are split, the same messages come out and the same violation is found; the first
//! message is found at the same place; and JSON of any kind is written as one line, of the same meaning.

#![no_main]

use gateway_core::fuzzing::{FuzzFirst, Read, read_first, read_lines, write_line};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const LIMIT: usize = 4096;
/// Bytes allocated for a byte of input, at most: an empty line is an element of the list of messages.
const MOST: usize = 200;

// The first byte says how the rest is split.
fuzz_target!(|input: &[u8]| {
    let Some((&split, stream)) = input.split_first() else { return };
    for is_packed in [false, true] {
        let whole = allocating(MOST, stream.len(), || read_lines(stream, [], LIMIT, is_packed));
        let sizes = (0..).map(|piece: usize| 1 + (usize::from(split) * (piece + 1)) % 23);
        assert_eq!(read_lines(stream, sizes, LIMIT, is_packed), whole, "in pieces");
        assert_eq!(read_lines(stream, std::iter::repeat(1), LIMIT, is_packed), whole, "byte by byte");
        for message in &whole.messages {
            check_message(message);
        }
    }
    check_first(stream);
    if let Ok(text) = std::str::from_utf8(stream) {
        check_line("event", text);
        check_line(text, "null");
    }
});

fn check_message(message: &Read) {
    match message {
        Read::Text(text) => assert!(text.len() <= LIMIT && !text.contains('\n')),
        Read::Binary(bytes) => assert!(bytes.len() <= LIMIT),
        Read::Ping(json) => assert!(json.len() <= 125 && serde_json::from_slice::<Value>(json).is_ok()),
        Read::Pong | Read::Close(_) => {}
    }
}

/// The first message is found as soon as it is there, and not before.
fn check_first(stream: &[u8]) {
    let whole = read_first(stream, 0, LIMIT);
    let mut searched = 0;
    for end in 1..=stream.len().min(64) {
        match read_first(&stream[..end], searched, LIMIT) {
            FuzzFirst::Incomplete => searched = end,
            found => {
                assert_eq!(found, whole);
                return;
            }
        }
    }
}

fn check_line(event: &str, json: &str) {
    let Ok(data) = serde_json::from_str::<Value>(json) else { return };
    let line = String::from_utf8(write_line(event, json)).expect("a line is text");
    let cuts = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    assert_eq!(line.find(cuts), Some(line.len() - 1), "{line:?}");
    let read: Value = serde_json::from_str(&line).expect("a line is JSON");
    assert_eq!((&read["event"], &read["data"]), (&Value::from(event), &data));
}
