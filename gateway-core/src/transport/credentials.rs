//! Location of a plain client's credentials (`docs/protocol.md`, "Credentials"). They are kept raw and deserialised on
//! demand.

use data_encoding::BASE64URL_NOPAD;
use serde_json::value::{RawValue, to_raw_value};

use crate::transport::Query;

/// Returns the `auth.` entry of the subprotocols in `lines`, or else the query's `auth`.
pub(crate) fn read<'a>(lines: impl Iterator<Item = &'a str>, query: &Query) -> Option<Box<RawValue>> {
    entry(lines).and_then(from_subprotocol).or_else(|| query.first("auth").and_then(from_text))
}

/// Approximate length in bytes of the longer of both.
pub(crate) fn len<'a>(lines: impl Iterator<Item = &'a str>, query: &Query) -> usize {
    let encoded = entry(lines).map_or(0, str::len);
    (encoded / 4 * 3).max(query.first("auth").map_or(0, str::len))
}

fn entry<'a>(lines: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    lines.flat_map(|line| line.split(',')).find_map(|entry| entry.trim().strip_prefix("auth."))
}

fn from_subprotocol(encoded: &str) -> Option<Box<RawValue>> {
    let json = BASE64URL_NOPAD.decode(encoded.as_bytes()).ok()?;
    serde_json::from_slice(&json).ok()
}

/// Reads a credential as JSON, or else as a text.
fn from_text(text: &str) -> Option<Box<RawValue>> {
    serde_json::from_str(text).or_else(|_| to_raw_value(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, query: &str, expected: Option<&str>) {
        let read = read(std::iter::once(line), &Query::parse(query));
        assert_eq!(read.as_deref().map(RawValue::get), expected, "{line} {query}");
    }

    #[test]
    fn the_subprotocol_comes_before_the_query() {
        check("", "auth=plain+token", Some("\"plain token\""));
        check("gateway.v1, auth.eyJ0b2tlbiI6MX0", "auth=plain", Some("{\"token\":1}"));
        check("auth.!!", "", None);
        check("gateway.v1", "auth={%22a%22:1}", Some("{\"a\":1}"));
    }

    #[test]
    fn the_longer_of_them_counts() {
        let len = |line, query| len(std::iter::once(line), &Query::parse(query));
        assert_eq!(len("gateway.v1", "a=1"), 0);
        assert_eq!(len("auth.eyJ0b2tlbiI6MX0", "auth=1"), 9);
        assert_eq!(len("auth.eyJ0b2tlbiI6MX0", "auth=1234567890"), 10);
    }
}
