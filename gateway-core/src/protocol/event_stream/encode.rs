//! Events as blocks of lines, and what a stream begins and ends with.

use crate::protocol::encoded::take_buffer;
use crate::protocol::json::push_string;
use crate::protocol::plain::{self, expected_len};
use crate::protocol::{ContentRef, Disconnect, Encoded, Outgoing};

/// Beginning of the names that the protocol keeps for itself.
const OWN: &str = "gateway:";

/// Pause in milliseconds that a client is asked for which should not come back. An `EventSource` reconnects after any end
/// that is no status, so a day is as long as most pages are open.
const NOT_AGAIN: &str = "86400000";

/// A comment that shows that the connection is alive.
pub(crate) const HEARTBEAT: &[u8] = b":\n\n";

/// Encodes a message; nothing for messages that the format does not send.
pub(in crate::protocol) fn encode_event_stream(outgoing: &Outgoing<'_>) -> Encoded {
    let mut out = take_buffer(expected_len(outgoing) + 16);
    match *outgoing {
        Outgoing::Event { event, content, .. }
        | Outgoing::Reply { event, content, id: None, .. }
        | Outgoing::Item { event, content, id: None, .. }
            if is_name(event) =>
        {
            block(&mut out, event, |out| content.write_plain(out));
        }
        Outgoing::Exception { data, id: None } => {
            block(&mut out, "exception", |out| ContentRef::from(data).write_plain(out));
        }
        Outgoing::Event { .. } | Outgoing::Reply { id: None, .. } | Outgoing::Item { id: None, .. } => {
            block(&mut out, "gateway:event", |out| plain::encode(outgoing, out));
        }
        Outgoing::Ask { .. } => block(&mut out, "gateway:ask", |out| plain::encode(outgoing, out)),
        Outgoing::Connected { recovery: None, .. } | Outgoing::Disconnected => {}
        Outgoing::Connected { id, recovery: Some(key), recovered } => {
            if !recovered {
                // A client that loses its connection before its first event resumes from here.
                write_id(&mut out, key, "0");
            }
            block(&mut out, "gateway:session", |out| {
                out.extend_from_slice(b"{\"id\":");
                push_string(out, id);
                out.extend_from_slice(if recovered { b",\"resumed\":true}" } else { b",\"resumed\":false}" });
            });
        }
        // Answers, and the refusal of a client: read by the transport.
        Outgoing::Reply { .. } | Outgoing::Item { .. } | Outgoing::Exception { .. } | Outgoing::End { .. } => {
            plain::encode(outgoing, &mut out);
        }
        Outgoing::Refused { data } => out.extend_from_slice(data.as_bytes()),
    }
    out.into()
}

/// Encodes the last event of a stream, which says why it ends and when to come back.
pub(crate) fn encode_close(close: Option<&Disconnect>) -> Encoded {
    let Some(disconnect) = close else { return Encoded::nothing() };
    let may_reconnect = disconnect.code.may_reconnect();
    let reason = disconnect.wire_reason();
    let mut out = Vec::with_capacity(reason.len() + 96);
    let pause = reason.rsplit_once("retry after ").and_then(|(_, rest)| rest.strip_suffix(" ms"));
    let pause = pause.filter(|pause| !pause.is_empty() && pause.bytes().all(|byte| byte.is_ascii_digit()));
    if let Some(pause) = if may_reconnect { pause } else { Some(NOT_AGAIN) } {
        out.extend_from_slice(format!("retry: {pause}\n").as_bytes());
    }
    block(&mut out, "gateway:close", |out| {
        out.extend_from_slice(format!("{{\"code\":{},\"reason\":", disconnect.code).as_bytes());
        push_string(out, reason);
        out.extend_from_slice(format!(",\"reconnect\":{may_reconnect}}}").as_bytes());
    });
    out.into()
}

/// The beginning of a stream: a comment, so that something arrives at once, the pause before a reconnect in milliseconds,
/// and the id by which POSTs name the stream.
pub(crate) fn preamble(retry: u128, stream: &str) -> Vec<u8> {
    let mut out = retry_after(retry);
    block(&mut out, "gateway:stream", |out| {
        out.extend_from_slice(b"{\"stream\":");
        push_string(out, stream);
        out.push(b'}');
    });
    out
}

/// The pause before a reconnect in milliseconds, behind a comment: something arrives at once.
pub(crate) fn retry_after(retry: u128) -> Vec<u8> {
    format!(":\nretry: {retry}\n\n").into_bytes()
}

/// Returns the event with its id, by which its client resumes: the key of the session and the event's offset. Both are
/// ASCII, as some clients read nothing else in an id.
pub(crate) fn with_event_id(frame: &Encoded, key: &str, offset: &str) -> Encoded {
    let event = frame.as_slice();
    if !event.starts_with(b"event:") {
        return frame.clone();
    }
    let mut out = Vec::with_capacity(event.len() + key.len() + offset.len() + 6);
    write_id(&mut out, key, offset);
    out.extend_from_slice(event);
    match frame.key() {
        Some(replaces) => Encoded::from(out).into_keyed(replaces),
        None => out.into(),
    }
}

/// Returns `true` for an answer to a request or a refusal, which no stream carries: they are JSON objects.
pub(crate) fn is_answer(frame: &[u8]) -> bool {
    frame.first() == Some(&b'{')
}

fn write_id(out: &mut Vec<u8>, key: &str, offset: &str) {
    for part in ["id: ", key, ".", offset, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Writes one event. JSON may have line ends between its tokens, which would end a field.
pub(super) fn block(out: &mut Vec<u8>, event: &str, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    let start = out.len();
    data(out);
    if out[start..].iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
        let lines = out.split_off(start);
        for (index, line) in lines.split(|byte| matches!(byte, b'\n' | b'\r')).enumerate() {
            if index > 0 {
                out.extend_from_slice(b"\ndata: ");
            }
            out.extend_from_slice(line);
        }
    }
    out.extend_from_slice(b"\n\n");
}

/// Returns `true` for a name that an event may have as it is: no line ends, none of the protocol's own, and none that an
/// `EventSource` fires itself.
fn is_name(event: &str) -> bool {
    !matches!(event, "" | "open" | "error")
        && !event.starts_with(OWN)
        && !event.bytes().any(|byte| matches!(byte, b'\n' | b'\r' | 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{CloseCode, Key, ReplyEvent, RequestId};

    fn text(frame: &Encoded) -> String {
        String::from_utf8(frame.as_slice().to_vec()).unwrap()
    }

    fn event(name: &str, json: &str) -> String {
        text(&encode_event_stream(&Outgoing::Event { event: name, content: json.into(), offset: None }))
    }

    #[test]
    fn an_event_is_a_block_of_lines() {
        assert_eq!(event("posted", r#"{"a":1}"#), "event: posted\ndata: {\"a\":1}\n\n");
        assert_eq!(event("posted", "{\n\"a\":\r1}"), "event: posted\ndata: {\ndata: \"a\":\ndata: 1}\n\n");
    }

    #[test]
    fn a_name_that_is_none_of_a_line_or_is_taken_stands_in_the_data() {
        for (name, json) in
            [("a\nid: x", r#""a\nid: x""#), ("a\rb", r#""a\rb""#), ("", r#""""#), ("error", r#""error""#)]
        {
            let expected = format!("event: gateway:event\ndata: {{\"event\":{json},\"data\":1}}\n\n");
            assert_eq!(event(name, "1"), expected, "{name:?}");
        }
        assert!(event("gateway:close", "1").starts_with("event: gateway:event\n"));
        assert!(event("gateway", "1").starts_with("event: gateway\n"));
    }

    #[test]
    fn an_answer_is_the_object_of_plain_websocket() {
        let id = RequestId::Integer(7);
        let reply = Outgoing::Reply { event: "a", content: "1".into(), id: Some(&id), named: ReplyEvent::Own };
        assert_eq!(text(&encode_event_stream(&reply)), r#"{"event":"a","data":1,"id":7}"#);
        assert!(is_answer(encode_event_stream(&Outgoing::End { event: "a", id: &id }).as_slice()));
        let failed = Outgoing::Exception { data: "{}", id: None };
        assert_eq!(text(&encode_event_stream(&failed)), "event: exception\ndata: {}\n\n");
    }

    #[test]
    fn an_id_names_the_session_and_the_place_and_a_key_stays() {
        let frame = encode_event_stream(&Outgoing::Event { event: "a", content: "1".into(), offset: None });
        assert_eq!(text(&with_event_id(&frame, "k", "12")), "id: k.12\nevent: a\ndata: 1\n\n");
        let keyed = frame.into_keyed(&Key::new("a", "one"));
        assert!(with_event_id(&keyed, "k", "12").has_key_of(&keyed));
        let connected = |recovered| Outgoing::Connected { id: "s", recovery: Some("k"), recovered };
        let session =
            |id: &str, resumed| format!("{id}event: gateway:session\ndata: {{\"id\":\"s\",\"resumed\":{resumed}}}\n\n");
        assert_eq!(text(&encode_event_stream(&connected(false))), session("id: k.0\n", false));
        assert_eq!(text(&encode_event_stream(&connected(true))), session("", true));
    }

    #[test]
    fn the_last_event_says_when_to_come_back() {
        let check = |code, reason: &'static str, expected: &str| {
            assert_eq!(text(&encode_close(Some(&Disconnect::new(code, reason)))), expected);
        };
        check(
            CloseCode::GOING_AWAY,
            "going away, retry after 12 ms",
            "retry: 12\nevent: gateway:close\ndata: {\"code\":1001,\"reason\":\"going away, retry after 12 ms\",\"reconnect\":true}\n\n",
        );
        check(
            CloseCode::TOO_SLOW,
            "too slow",
            "event: gateway:close\ndata: {\"code\":4000,\"reason\":\"too slow\",\"reconnect\":true}\n\n",
        );
        check(
            CloseCode::DISCONNECTED,
            "bye\n",
            "retry: 86400000\nevent: gateway:close\ndata: {\"code\":4501,\"reason\":\"bye\\n\",\"reconnect\":false}\n\n",
        );
    }
}
