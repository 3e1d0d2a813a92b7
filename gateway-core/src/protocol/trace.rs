//! Trace context of requests.

use std::fmt;

/// The position of a request in a distributed trace: the value of the header `traceparent` of W3C Trace Context.
///
/// A client sends it with the handshake, or with a message if the format supports it (see `docs/protocol.md`). As an
/// argument of a handler or a hook it is `Option<TraceParent>`: the message's, else the handshake's. A malformed value is
/// ignored.
///
/// ```
/// use gateway_core::extract::TraceParent;
///
/// let trace = TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
/// assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// assert_eq!(trace.parent_id(), "00f067aa0ba902b7");
/// assert!(trace.is_sampled());
/// ```
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct TraceParent([u8; LENGTH]);

/// `00-` trace id `-` parent id `-` flags.
const LENGTH: usize = 55;

impl TraceParent {
    /// Parses the value; `None` if it is malformed. Additions of a later version are dropped, and the version becomes 00 (W3C
    /// Trace Context §4.3).
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let bytes = value.as_bytes();
        let mut known: [u8; LENGTH] = bytes.get(..LENGTH)?.try_into().ok()?;
        let is_hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_some = |part: &[u8]| is_hex(part) && part.iter().any(|byte| *byte != b'0');
        let is_whole = match &bytes[..2] {
            b"ff" => false,
            b"00" => bytes.len() == LENGTH,
            _ => bytes.len() == LENGTH || bytes[LENGTH] == b'-',
        };
        let has_dashes = [2, 35, 52].iter().all(|&place| known[place] == b'-');
        let is_valid = is_hex(&known[..2]) && is_some(&known[3..35]) && is_some(&known[36..52]) && is_hex(&known[53..]);
        known[..2].copy_from_slice(b"00");
        (is_whole && has_dashes && is_valid).then_some(Self(known))
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The trace id: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.as_str()[3..35]
    }

    /// The id of the caller's span: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        &self.as_str()[36..52]
    }

    /// Returns `true` if the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        u8::from_str_radix(&self.as_str()[53..], 16).is_ok_and(|flags| flags & 1 == 1)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TraceParent({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_trace_parent_is_none() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(TraceParent::parse(value).map(|trace| trace.to_string()).as_deref(), expected, "{value}");
        };
        let usual = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        check(usual, Some(usual));
        check("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Some(&usual.replace("-01", "-00")));
        for later in [
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes",
        ] {
            check(later, Some(usual));
        }
        for malformed in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-0f067aa0ba902b7-01",
        ] {
            check(malformed, None);
        }
    }
}
