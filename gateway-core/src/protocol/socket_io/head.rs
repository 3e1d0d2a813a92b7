//! Head of a packet, in front of its JSON: `<type>[<n>-][<namespace>,][<ack id>]`.

use crate::protocol::Violation;

/// A packet's type, its binary forms counted as the type they are a form of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PacketType {
    Connect,
    Disconnect,
    Event,
    Ack,
}

/// A packet whose JSON is still text.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Head<'a> {
    pub(super) packet: PacketType,
    /// Binary messages that follow; never zero where it is present.
    pub(super) attachments: Option<usize>,
    pub(super) namespace: &'a str,
    pub(super) id: Option<u64>,
    pub(super) json: &'a str,
}

impl<'a> Head<'a> {
    /// Every character that means something is ASCII, so no slice is cut within a longer one.
    #[inline]
    pub(super) fn parse(text: &'a str) -> Result<Self, Violation> {
        let (packet, has_attachments) = match text.as_bytes().first() {
            Some(b'0') => (PacketType::Connect, false),
            Some(b'1') => (PacketType::Disconnect, false),
            Some(b'2') => (PacketType::Event, false),
            Some(b'3') => (PacketType::Ack, false),
            Some(b'4') => return Err(Violation::new("a client refuses no namespace")),
            Some(b'5') => (PacketType::Event, true),
            Some(b'6') => (PacketType::Ack, true),
            _ => return Err(Violation::new("unknown packet type")),
        };
        let rest = &text[1..];
        let (attachments, rest) = if has_attachments { count_of_attachments(rest)? } else { (None, rest) };
        let (namespace, rest) = match rest.as_bytes().first() {
            Some(b'/') => rest.split_once(',').unwrap_or((rest, "")),
            _ => ("/", rest),
        };
        let (id, json) = leading_integer(rest);
        let id = id.transpose().map_err(|TooLarge| Violation::new("an ack id is too large"))?;
        Ok(Self { packet, attachments, namespace, id, json })
    }
}

/// Since version 4.2.7 of the reference a binary packet has at least one attachment.
fn count_of_attachments(text: &str) -> Result<(Option<usize>, &str), Violation> {
    let illegal = Violation::new("illegal number of attachments");
    let (count, rest) = leading_integer(text);
    let count = match count {
        Some(Ok(0)) | None => return Err(illegal),
        Some(Ok(count)) => usize::try_from(count).unwrap_or(usize::MAX),
        Some(Err(TooLarge)) => usize::MAX,
    };
    Ok((Some(count), rest.strip_prefix('-').ok_or(illegal)?))
}

/// The digits did not fit.
#[derive(Debug)]
struct TooLarge;

/// The decimal digits at the front, if any, and what follows them.
fn leading_integer(text: &str) -> (Option<Result<u64, TooLarge>>, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(digits);
    let value = (!digits.is_empty()).then(|| digits.parse().map_err(|_| TooLarge));
    (value, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_but_the_type_may_be_missing() {
        let check = |text: &str, attachments: Option<usize>, namespace: &str, id: Option<u64>, json: &str| {
            let head = Head::parse(text).unwrap();
            let read = (head.attachments, head.namespace, head.id, head.json);
            assert_eq!(read, (attachments, namespace, id, json), "{text}");
        };
        check("0", None, "/", None, "");
        check("0/random", None, "/random", None, "");
        check("0/random,", None, "/random", None, "");
        check("0/a?b=c,{}", None, "/a?b=c", None, "{}");
        check("212[\"a\"]", None, "/", Some(12), "[\"a\"]");
        check("2/ü,007[]", None, "/ü", Some(7), "[]");
        check("51-[]", Some(1), "/", None, "[]");
        check("610-/x,3[]", Some(10), "/x", Some(3), "[]");
        check("501-[]", Some(1), "/", None, "[]");
        check("5451000000-[]", Some(451_000_000), "/", None, "[]");
        check("599999999999999999999999-[]", Some(usize::MAX), "/", None, "[]");
    }

    #[test]
    fn what_is_no_head_is_found() {
        let check = |text: &str| assert!(Head::parse(text).is_err(), "{text}");
        for text in ["", "7", "9", "x", "ü", "-", " 0", "4{}", "5", "5-[]", "50-[]", "51", "51[]", "5x-[]", "5-1-[]"] {
            check(text);
        }
        check("51.5-[]");
        check("3999999999999999999999[]");
    }
}
