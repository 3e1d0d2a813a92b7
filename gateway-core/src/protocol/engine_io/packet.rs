//! One packet.

use std::borrow::Cow;

use data_encoding::{BASE64, BASE64_NOPAD};

use crate::protocol::Violation;

/// A packet of Engine.IO.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum EnginePacket<'a> {
    Open(&'a str),
    Close,
    /// Its text is empty, or `probe` before an upgrade.
    Ping(&'a str),
    Pong(&'a str),
    Message(&'a str),
    Binary(Cow<'a, [u8]>),
    Upgrade,
    Noop,
}

impl<'a> EnginePacket<'a> {
    /// Decodes a text message of a WebSocket, or a packet of a polling payload.
    ///
    /// # Errors
    ///
    /// A violation, which ends the session: the packet is empty, of an unknown type, or has invalid base64.
    pub(crate) fn read(text: &'a str) -> Result<Self, Violation> {
        let packet: fn(&'a str) -> Self = match text.as_bytes().first() {
            Some(b'0') => Self::Open,
            Some(b'1') => |_| Self::Close,
            Some(b'2') => Self::Ping,
            Some(b'3') => Self::Pong,
            Some(b'4') => Self::Message,
            Some(b'5') => |_| Self::Upgrade,
            Some(b'6') => |_| Self::Noop,
            Some(b'b') => return from_base64(&text[1..]).map(|bytes| Self::Binary(Cow::Owned(bytes))),
            Some(_) => return Err(Violation::new("unknown engine packet")),
            None => return Err(Violation::new("empty engine packet")),
        };
        // The type is ASCII, so the text is not cut within a character.
        Ok(packet(&text[1..]))
    }
}

/// Standard alphabet; the padding may be missing.
fn from_base64(text: &str) -> Result<Vec<u8>, Violation> {
    let encoding = if text.ends_with('=') { BASE64 } else { BASE64_NOPAD };
    encoding.decode(text.as_bytes()).map_err(|_| Violation::new("a binary packet is no base64"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_character_is_the_type() {
        let check =
            |text: &str, expected: EnginePacket<'_>| assert_eq!(EnginePacket::read(text), Ok(expected), "{text}");
        check(r#"0{"sid":"x"}"#, EnginePacket::Open(r#"{"sid":"x"}"#));
        check("1", EnginePacket::Close);
        check("2", EnginePacket::Ping(""));
        check("2probe", EnginePacket::Ping("probe"));
        check("3probe", EnginePacket::Pong("probe"));
        check("4", EnginePacket::Message(""));
        check("4ü€", EnginePacket::Message("ü€"));
        check("5", EnginePacket::Upgrade);
        check("6", EnginePacket::Noop);
        check("b", EnginePacket::Binary(Cow::Borrowed(&[])));
        check("bAQIDBA==", EnginePacket::Binary(Cow::Borrowed(&[1, 2, 3, 4])));
        check("bAQIDBA", EnginePacket::Binary(Cow::Borrowed(&[1, 2, 3, 4])));
        check("bAQID", EnginePacket::Binary(Cow::Borrowed(&[1, 2, 3])));
    }

    #[test]
    fn what_is_no_packet_is_found() {
        for text in ["", "7", "9", "a", "B", "ü", "\u{1e}", " 4", "bA", "bA=", "bAQID=", "b====", "b_-", "bü", "bAQ ID"]
        {
            assert!(EnginePacket::read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(text in ".*") {
            let _ = EnginePacket::read(&text);
        }
    }
}
