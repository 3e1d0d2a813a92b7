//! Messages about the connection itself: a ping, its answer, and the client's close.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::protocol::json::skip_space;
use crate::protocol::{CloseCode, Disconnect, ReceivedMessage};

/// Bytes of the JSON value of a ping, which its answer repeats: as many as a ping of RFC 6455 may have.
const LONGEST_PING: usize = 125;

#[derive(Deserialize)]
struct ControlMembers<'a> {
    #[serde(borrow, default)]
    ping: Option<&'a RawValue>,
    #[serde(borrow, default)]
    close: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct CloseMembers<'a> {
    code: u16,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

/// Reads a JSON object whose first member is `ping`, `pong` or `close`; `None` for all others, which are envelopes.
///
/// # Errors
///
/// A ping longer than [`LONGEST_PING`].
#[inline]
pub(super) fn read_control(text: &str) -> Result<Option<ReceivedMessage<'_>>, Disconnect> {
    // Nearly every message is an event.
    if text.starts_with("{\"event\"") {
        return Ok(None);
    }
    read_rare(text)
}

fn read_rare(text: &str) -> Result<Option<ReceivedMessage<'_>>, Disconnect> {
    let Some(name) = first_name(text) else { return Ok(None) };
    if !matches!(name, "ping" | "pong" | "close") {
        return Ok(None);
    }
    // Broken JSON is answered as an envelope that is broken.
    let Ok(members) = serde_json::from_str::<ControlMembers<'_>>(text) else { return Ok(None) };
    let received = match (name, members.ping) {
        ("ping", ping) => {
            let payload = ping.map_or("null", RawValue::get);
            if payload.len() > LONGEST_PING {
                return Err(Disconnect::new(CloseCode::POLICY, "a ping has more than 125 bytes"));
            }
            ReceivedMessage::Ping(payload.as_bytes())
        }
        ("pong", _) => ReceivedMessage::Pong,
        _ => ReceivedMessage::Close(members.close.and_then(read_close)),
    };
    Ok(Some(received))
}

/// Reads code and reason; anything else is a close without them.
fn read_close(close: &RawValue) -> Option<Disconnect> {
    let CloseMembers { code, reason } = serde_json::from_str(close.get()).ok()?;
    Some(Disconnect::new(CloseCode::received(code), reason.into_owned()))
}

/// The name of the object's first member, if it has no escapes.
fn first_name(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let open = skip_space(bytes, 0);
    let quote = skip_space(bytes, open + 1);
    if bytes.get(open) != Some(&b'{') || bytes.get(quote) != Some(&b'"') {
        return None;
    }
    let rest = text.get(quote + 1..)?;
    rest.split_once('"').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&ReceivedMessage<'_>>) {
        assert_eq!(read_control(text).unwrap().as_ref(), expected, "{text}");
    }

    #[test]
    fn messages_about_the_connection_are_told_by_their_first_member() {
        check(r#"{"ping":1}"#, Some(&ReceivedMessage::Ping(b"1")));
        check(r#" { "ping" : {"at": 7} } "#, Some(&ReceivedMessage::Ping(br#"{"at": 7}"#)));
        check(r#"{"ping":null}"#, Some(&ReceivedMessage::Ping(b"null")));
        check(r#"{"pong":1}"#, Some(&ReceivedMessage::Pong));
        check(r#"{"close":{}}"#, Some(&ReceivedMessage::Close(None)));
        check(r#"{"close":null}"#, Some(&ReceivedMessage::Close(None)));
        let close = Disconnect::new(CloseCode::NORMAL, "bye");
        check(r#"{"close":{"code":1000,"reason":"bye"}}"#, Some(&ReceivedMessage::Close(Some(close))));
    }

    #[test]
    fn all_others_are_envelopes() {
        for text in [
            r#"{"event":"ping"}"#,
            r#"{"id":1,"ping":1}"#,
            r#"{"pings":1}"#,
            r#"{"ping":}"#,
            r#"{"ping""#,
            r#""ping""#,
            r#"["ping"]"#,
            "{",
            "",
            "ü",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_long_ping_is_refused() {
        let ping = |len: usize| format!(r#"{{"ping":"{}"}}"#, "x".repeat(len - 2));
        assert!(read_control(&ping(LONGEST_PING)).is_ok());
        assert_eq!(read_control(&ping(LONGEST_PING + 1)).unwrap_err().code, CloseCode::POLICY);
    }
}
