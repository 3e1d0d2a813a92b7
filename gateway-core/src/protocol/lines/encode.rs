//! Messages of the server, each as one line or as one message of `MessagePack` behind its length.

use crate::protocol::encoded::take_buffer;
use crate::protocol::json::push_string;
use crate::protocol::lines::decoder::LENGTH;
use crate::protocol::msgpack::MsgpackWriter;
use crate::protocol::{CloseCode, Disconnect, Encoded, Outgoing, WireFormat, plain, plain_msgpack};

/// One line of JSON, with the offset of an event for a client that can resume.
pub(crate) fn encode_line(outgoing: &Outgoing<'_>, offset: Option<&str>) -> Encoded {
    let expected = plain::expected_len(outgoing) + offset.map_or(0, str::len) + 13;
    let mut line = take_buffer(expected);
    plain::encode_numbered(outgoing, offset, &mut line);
    if line.is_empty() { Encoded::nothing() } else { into_line(line).into() }
}

/// One message of `MessagePack` behind its length, with the offset of an event for a client that can resume.
pub(crate) fn encode_packed_frame(outgoing: &Outgoing<'_>, offset: Option<&str>) -> Encoded {
    if matches!(outgoing, Outgoing::Disconnected) {
        return Encoded::nothing();
    }
    packed(plain::expected_len(outgoing) + offset.map_or(0, str::len), |out| {
        plain_msgpack::write_packed(&mut MsgpackWriter::new(out), outgoing, offset);
    })
}

/// A question for a sign of life. Every message of the client answers it.
pub(crate) fn ping_message(format: WireFormat) -> Encoded {
    control(format, "{\"ping\":1}".into())
}

/// The answer to a client's ping: `payload` is the JSON of its value.
pub(crate) fn pong_message(format: WireFormat, payload: &[u8]) -> Encoded {
    control(format, [b"{\"pong\":", payload, b"}"].concat())
}

/// The last message of the server.
pub(crate) fn close_message(format: WireFormat, close: Option<&Disconnect>) -> Encoded {
    let mut json = b"{\"close\":{".to_vec();
    if let Some(close) = close.filter(|close| CloseCode::is_sendable(close.code.as_u16())) {
        json.extend_from_slice(format!("\"code\":{},\"reason\":", close.code).as_bytes());
        push_string(&mut json, close.wire_reason());
    }
    json.extend_from_slice(b"}}");
    control(format, json)
}

/// The answer to a first message that was not accepted, in place of a greeting. `retry_after` is in seconds.
pub(crate) fn refusal(format: WireFormat, status: u16, text: &str, retry_after: Option<u32>) -> Encoded {
    let mut json = format!("{{\"refused\":{{\"status\":{status},\"message\":").into_bytes();
    push_string(&mut json, text);
    if let Some(seconds) = retry_after {
        json.extend_from_slice(format!(",\"retry_after\":{seconds}").as_bytes());
    }
    json.extend_from_slice(b"}}");
    control(format, json)
}

fn control(format: WireFormat, json: Vec<u8>) -> Encoded {
    match format {
        WireFormat::LinesMsgpack | WireFormat::LinesMsgpackNumbered => pack_json(&text(json)),
        _ => into_line(json).into(),
    }
}

fn text(json: Vec<u8>) -> String {
    String::from_utf8(json).expect("JSON is written from texts")
}

fn pack_json(json: &str) -> Encoded {
    packed(json.len(), |out| MsgpackWriter::new(out).json(json, &[]))
}

fn packed(expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Encoded {
    let mut bytes = take_buffer(LENGTH + expected);
    bytes.extend_from_slice(&[0; LENGTH]);
    write(&mut bytes);
    let length = u32::try_from(bytes.len() - LENGTH).expect("a message has less than 4 GiB");
    bytes[..LENGTH].copy_from_slice(&length.to_be_bytes());
    bytes.into()
}

/// Turns JSON into one line for every reader of lines: line breaks between its tokens become spaces, and the three characters
/// at which some readers cut a line (U+2028, U+2029, U+0085) are escaped. In JSON they stand in strings alone.
fn into_line(mut json: Vec<u8>) -> Vec<u8> {
    // Without an early exit, so that several bytes are compared in one instruction.
    if json.iter().fold(false, |found, &byte| found | may_cut(byte)) {
        json = escape(&json);
    }
    json.push(b'\n');
    json
}

/// Returns `true` for the bytes of a line break, and for the first bytes of U+0085, U+2028 and U+2029 in UTF-8.
fn may_cut(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r' | 0xc2 | 0xe2)
}

fn escape(json: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some((&byte, behind)) = rest.split_first() {
        let (written, taken): (&[u8], usize) = match rest {
            [b'\n' | b'\r', ..] => (b" ", 1),
            [0xc2, 0x85, ..] => (b"\\u0085", 2),
            [0xe2, 0x80, 0xa8, ..] => (b"\\u2028", 3),
            [0xe2, 0x80, 0xa9, ..] => (b"\\u2029", 3),
            _ => {
                line.push(byte);
                rest = behind;
                continue;
            }
        };
        line.extend_from_slice(written);
        rest = &rest[taken..];
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::protocol::ContentRef;

    fn event<'a>(event: &'a str, json: &'a str) -> Outgoing<'a> {
        Outgoing::Event { event, content: ContentRef::from(json), offset: None }
    }

    fn check(outgoing: &Outgoing<'_>, offset: Option<&str>, expected: &str) {
        assert_eq!(String::from_utf8_lossy(encode_line(outgoing, offset).as_slice()), expected);
    }

    #[test]
    fn a_message_is_one_line() {
        check(&event("a", "1"), None, "{\"event\":\"a\",\"data\":1}\n");
        check(&event("a", "1"), Some("7"), "{\"event\":\"a\",\"data\":1,\"offset\":7}\n");
        check(&event("a", "{\n\t\"b\": 1\r\n}"), None, "{\"event\":\"a\",\"data\":{ \t\"b\": 1  }}\n");
        check(&Outgoing::Disconnected, None, "");
        let greeting = Outgoing::Connected { id: "x", recovery: Some("k"), recovered: false };
        check(&greeting, None, "{\"session\":{\"id\":\"x\",\"resume\":\"k\",\"resumed\":false}}\n");
    }

    #[test]
    fn characters_at_which_readers_cut_lines_are_escaped() {
        let outgoing = event("n\u{2028}", "\"a\u{2028}b\u{2029}c\u{85}d\u{e9}\u{201c}\"");
        let expected = "{\"event\":\"n\\u2028\",\"data\":\"a\\u2028b\\u2029c\\u0085d\u{e9}\u{201c}\"}\n";
        check(&outgoing, None, expected);
    }

    #[test]
    fn messages_about_the_connection() {
        let check = |encoded: Encoded, expected: &str| {
            assert_eq!(String::from_utf8_lossy(encoded.as_slice()), expected);
        };
        let lines = WireFormat::Lines;
        check(ping_message(lines), "{\"ping\":1}\n");
        check(pong_message(lines, b"[1,\"\xe2\x80\xa8\"]"), "{\"pong\":[1,\"\\u2028\"]}\n");
        check(close_message(lines, None), "{\"close\":{}}\n");
        let close = Disconnect::new(CloseCode::TOO_SLOW, "too \"slow\"");
        check(close_message(lines, Some(&close)), "{\"close\":{\"code\":4000,\"reason\":\"too \\\"slow\\\"\"}}\n");
        let full = "{\"refused\":{\"status\":503,\"message\":\"full\",\"retry_after\":5}}\n";
        check(refusal(lines, 503, "full", Some(5)), full);
        let packed = ping_message(WireFormat::LinesMsgpack);
        assert_eq!(packed.as_slice(), b"\0\0\0\x07\x81\xa4ping\x01");
    }

    proptest! {
        #[test]
        fn a_line_is_the_same_json(text: String, at in 0..4usize) {
            let spaces = ["", "\n", "\r\n", " "][at];
            let json = format!("[{spaces}{}{spaces}]", Value::from(text.clone()));
            let line = String::from_utf8(into_line(json.clone().into_bytes())).unwrap();
            prop_assert_eq!(line.lines().count(), 1);
            let cut = ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
            prop_assert_eq!(line.find(cut), Some(line.len() - 1));
            let (read, meant): (Value, Value) = (serde_json::from_str(&line).unwrap(), serde_json::from_str(&json).unwrap());
            prop_assert_eq!(read, meant);
        }
    }
}
