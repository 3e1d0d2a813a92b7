//! The body of a long-polling request or answer: packets with a record separator between them.

use data_encoding::BASE64;

/// Separator of two packets.
pub(crate) const SEPARATOR: char = '\u{1e}';

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
    use crate::protocol::engine_io::EnginePacket;

    #[test]
    fn packets_stand_between_separators() {
        let mut payload = PayloadWriter::default();
        assert!(payload.is_empty());
        payload.text("4ü".as_bytes());
        payload.binary(&[1, 2, 3, 4]);
        payload.text(b"2");
        payload.binary(&[]);
        assert_eq!(payload.len(), 17);
        assert_eq!(String::from_utf8(payload.into_body()).unwrap(), "4ü\u{1e}bAQIDBA==\u{1e}2\u{1e}b");
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
            let expected = messages.iter().map(|(text, binary)| match binary {
                Some(bytes) => EnginePacket::Binary(Cow::Borrowed(&bytes[..])),
                None => EnginePacket::Message(text),
            });
            let body = String::from_utf8(payload.into_body()).unwrap();
            let read = body.split(SEPARATOR).map(|packet| EnginePacket::read(packet).unwrap());
            prop_assert!(read.eq(expected), "{}", body);
        }
    }
}
