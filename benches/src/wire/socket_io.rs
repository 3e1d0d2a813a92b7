//! Socket.IO 5 over Engine.IO 4, the namespace `/`.

use std::borrow::Cow;
use std::io::Write;

use serde_json::value::RawValue;

use super::{Incoming, Opening, Said, Wire};

/// The Socket.IO format, over WebSocket only.
#[derive(Clone, Copy, Debug)]
pub struct SocketIo;

impl Wire for SocketIo {
    fn target(&self) -> &'static str {
        "/socket.io/?EIO=4&transport=websocket"
    }

    fn open(&self, message: Option<&[u8]>) -> Result<Opening, String> {
        match message {
            None => Ok(Opening::Waiting),
            Some([b'4', b'0', ..]) => Ok(Opening::Open),
            Some([b'0', ..]) => Ok(Opening::Say(b"40")),
            // Some ask at once whether their client is there.
            Some(b"2") => Ok(Opening::Say(b"3")),
            Some(message) => Err(format!("unexpected: {}", String::from_utf8_lossy(message))),
        }
    }

    fn event(&self, out: &mut Vec<u8>, name: &str, data: &[u8]) {
        out.extend_from_slice(b"42");
        arguments(out, name, data);
    }

    fn request(&self, out: &mut Vec<u8>, name: &str, id: u64, data: &[u8]) {
        write!(out, "42{id}").expect("memory takes it");
        arguments(out, name, data);
    }

    fn read<'a>(&self, message: &'a [u8]) -> Result<Incoming<'a>, String> {
        if message == b"2" {
            return Ok(Incoming::Answer(b"3"));
        }
        let unexpected = || format!("unexpected: {}", String::from_utf8_lossy(message));
        let (kind, rest) = message.split_at_checked(2).ok_or_else(unexpected)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (id, json) = rest.split_at(digits);
        match kind {
            b"42" if id.is_empty() => {
                let (name, data): (Name<'_>, &RawValue) =
                    serde_json::from_slice(json).map_err(|error| error.to_string())?;
                Ok(Incoming::Said(Said::Event(name.0), data.get().as_bytes()))
            }
            b"43" => {
                let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok()).ok_or_else(unexpected)?;
                let (data,): (&RawValue,) = serde_json::from_slice(json).map_err(|error| error.to_string())?;
                Ok(Incoming::Said(Said::Reply(id), data.get().as_bytes()))
            }
            _ => Err(unexpected()),
        }
    }
}

fn arguments(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    out.extend_from_slice(br#"[""#);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(br#"","#);
    out.extend_from_slice(data);
    out.push(b']');
}

// Serde borrows a `Cow` only where it is the field's own type.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::{Incoming, Opening, Said, SocketIo, Wire};

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let mut out = Vec::new();
        SocketIo.event(&mut out, "echo", br#"{"a": [1]}"#);
        assert_eq!(SocketIo.read(&out), Ok(Incoming::Said(Said::event("echo"), br#"{"a": [1]}"#)));
        assert_eq!(SocketIo.read(b"2"), Ok(Incoming::Answer(b"3")));
    }

    #[test]
    fn a_request_is_answered_by_its_id() {
        let mut out = Vec::new();
        SocketIo.request(&mut out, "ask", 12, b"1");
        assert_eq!(out, br#"4212["ask",1]"#);
        assert_eq!(SocketIo.read(b"4312[1]"), Ok(Incoming::Said(Said::Reply(12), b"1")));
        for wrong in [&b""[..], b"4", b"43[1]", b"4312[]", b"4312[1,2]", &out] {
            assert!(SocketIo.read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_connection_opens_in_two_steps() {
        assert_eq!(SocketIo.open(None), Ok(Opening::Waiting));
        assert_eq!(SocketIo.open(Some(br#"0{"sid":"a"}"#)), Ok(Opening::Say(b"40")));
        assert_eq!(SocketIo.open(Some(b"2")), Ok(Opening::Say(b"3")));
        assert_eq!(SocketIo.open(Some(br#"40{"sid":"b"}"#)), Ok(Opening::Open));
    }
}
