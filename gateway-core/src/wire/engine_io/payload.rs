//! The body of a long-polling request or answer: packets with a record separator between them.

use data_encoding::BASE64;

use crate::wire::Violation;
use crate::wire::engine_io::{Frame, Frames, Packet};
use crate::wire::rfc6455::OpCode;

const SEPARATOR: char = '\u{1e}';

/// The packets of a request's body, at most `most` of them, one after the other: the first that is none ends it.
///
/// # Errors
///
/// The body is no UTF-8, or holds too many packets; then none of them counts.
pub(crate) fn read_payload(
    body: &[u8],
    most: usize,
) -> Result<impl Iterator<Item = Result<Packet<'_>, Violation>>, Violation> {
    let body = std::str::from_utf8(body).map_err(|_| Violation::new("a payload is no UTF-8"))?;
    if body.split(SEPARATOR).nth(most).is_some() {
        return Err(Violation::new("too many packets in a payload"));
    }
    let mut is_over = false;
    Ok(body
        .split(SEPARATOR)
        .map(Packet::read)
        .take_while(move |packet| !std::mem::replace(&mut is_over, packet.is_err())))
}

/// The body of an answer while packets are added to it.
#[derive(Debug, Default)]
pub(crate) struct PayloadWriter {
    body: Vec<u8>,
}

impl PayloadWriter {
    /// Adds a packet that is text, its type included.
    pub(crate) fn text(&mut self, packet: &[u8]) {
        self.separate();
        self.body.extend_from_slice(packet);
    }

    pub(crate) fn binary(&mut self, bytes: &[u8]) {
        self.separate();
        self.body.push(b'b');
        let start = self.body.len();
        self.body.resize(start + BASE64.encode_len(bytes.len()), 0);
        BASE64.encode_mut(bytes, &mut self.body[start..]);
    }

    /// Adds the messages among whole frames, as an outbox holds them; says how many bytes these frames are. A frame at
    /// the end that is not whole is left. Control frames have no meaning here.
    pub(crate) fn frames(&mut self, bytes: &[u8]) -> usize {
        let mut frames = Frames::new(bytes);
        for Frame { opcode, payload } in &mut frames {
            match opcode {
                OpCode::Text => self.text(payload),
                OpCode::Binary => self.binary(payload),
                OpCode::Continuation | OpCode::Close | OpCode::Ping | OpCode::Pong => {}
            }
        }
        bytes.len() - frames.rest().len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    pub(crate) fn into_body(self) -> Vec<u8> {
        self.body
    }

    fn separate(&mut self) {
        if !self.body.is_empty() {
            self.body.push(SEPARATOR as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;
    use crate::wire::Encoded;

    fn read(body: &[u8]) -> Vec<Result<Packet<'_>, Violation>> {
        read_payload(body, 4).unwrap().collect()
    }

    #[test]
    fn packets_stand_between_separators() {
        let check = |body: &str, expected: &[Packet<'_>]| {
            let packets: Vec<_> = read(body.as_bytes()).into_iter().map(Result::unwrap).collect();
            assert_eq!(packets, expected, "{body}");
        };
        check("4hello", &[Packet::Message("hello")]);
        let binary = Packet::Binary(Cow::Borrowed(&[1, 2, 3, 4]));
        check(
            "4hello\u{1e}2\u{1e}bAQIDBA==\u{1e}4€",
            &[Packet::Message("hello"), Packet::Ping(""), binary, Packet::Message("€")],
        );
    }

    #[test]
    fn what_follows_a_malformed_packet_is_not_read() {
        let check = |body: &str, good: usize| {
            let packets = read(body.as_bytes());
            assert_eq!(packets.len(), good + 1, "{body}");
            assert!(packets[good].is_err(), "{body}");
        };
        check("", 0);
        check("\u{1e}", 0);
        check("4a\u{1e}", 1);
        check("4a\u{1e}\u{1e}4b", 1);
        check("4a\u{1e}9\u{1e}4b", 1);
        check("abc", 0);
    }

    #[test]
    fn a_body_is_bounded_and_utf8() {
        assert!(read_payload(b"4\xff", 4).is_err());
        assert!(read_payload("4\u{1e}4\u{1e}4\u{1e}4".as_bytes(), 4).is_ok());
        assert!(read_payload("4\u{1e}4\u{1e}4\u{1e}4\u{1e}4".as_bytes(), 4).is_err());
        assert!(read_payload(&[0x1e; 1_000_000], 1000).is_err());
    }

    #[test]
    fn whole_frames_become_packets() {
        let mut frames = Encoded::frame(OpCode::Text, "4ü".as_bytes()).as_slice().to_vec();
        frames.extend_from_slice(Encoded::frame(OpCode::Binary, &[1, 2, 3, 4]).as_slice());
        frames.extend_from_slice(Encoded::frame(OpCode::Ping, b"").as_slice());
        frames.extend_from_slice(Encoded::frame(OpCode::Text, b"2").as_slice());
        let whole = frames.len();
        frames.extend_from_slice(&Encoded::frame(OpCode::Text, b"later").as_slice()[..4]);

        let mut payload = PayloadWriter::default();
        assert_eq!(payload.frames(&frames), whole);
        assert_eq!(payload.len(), payload.into_body().len());

        let mut payload = PayloadWriter::default();
        payload.frames(&frames);
        assert_eq!(String::from_utf8(payload.into_body()).unwrap(), "4ü\u{1e}bAQIDBA==\u{1e}2");
    }

    proptest! {
        #[test]
        fn what_is_written_can_be_read(messages in proptest::collection::vec(("[^\u{1e}]*", any::<Option<Vec<u8>>>()), 1..4)) {
            let mut payload = PayloadWriter::default();
            for (text, binary) in &messages {
                match binary {
                    Some(bytes) => payload.binary(bytes),
                    None => payload.text(format!("4{text}").as_bytes()),
                }
            }
            let body = payload.into_body();
            let expected: Vec<_> = messages
                .iter()
                .map(|(text, binary)| match binary {
                    Some(bytes) => Packet::Binary(Cow::Borrowed(&bytes[..])),
                    None => Packet::Message(text),
                })
                .collect();
            let packets: Vec<_> = read(&body).into_iter().map(Result::unwrap).collect();
            prop_assert_eq!(packets, expected);
        }

        #[test]
        fn no_body_makes_reading_panic(body: Vec<u8>) {
            if let Ok(packets) = read_payload(&body, 4) {
                packets.for_each(drop);
            }
        }
    }
}
