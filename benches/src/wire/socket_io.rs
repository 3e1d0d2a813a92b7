//! Socket.IO 5 over Engine.IO 4, WebSocket only, the namespace `/`.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{Incoming, Opening, Wire};

/// The Socket.IO format.
#[derive(Clone, Copy, Debug)]
pub struct SocketIo;

impl Wire for SocketIo {
    fn target(self) -> &'static str {
        "/socket.io/?EIO=4&transport=websocket"
    }

    fn open(self, message: Option<&[u8]>) -> Result<Opening, String> {
        match message {
            None => Ok(Opening::Waiting),
            Some([b'4', b'0', ..]) => Ok(Opening::Open),
            Some([b'0', ..]) => Ok(Opening::Say(b"40")),
            Some(message) => Err(format!("unexpected: {}", String::from_utf8_lossy(message))),
        }
    }

    fn event(self, out: &mut Vec<u8>, name: &str, data: &[u8]) {
        out.extend_from_slice(br#"42[""#);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(br#"","#);
        out.extend_from_slice(data);
        out.push(b']');
    }

    fn read(self, message: &[u8]) -> Result<Incoming<'_>, String> {
        if message == b"2" {
            return Ok(Incoming::Answer(b"3"));
        }
        let event = message.strip_prefix(b"42").ok_or_else(|| String::from_utf8_lossy(message).into_owned())?;
        let (name, data): (Name<'_>, &RawValue) = serde_json::from_slice(event).map_err(|error| error.to_string())?;
        Ok(Incoming::Event { name: name.0, data: data.get().as_bytes() })
    }
}

// Serde borrows a `Cow` only where it is the field's own type.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::{Incoming, Opening, SocketIo, Wire};

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let mut out = Vec::new();
        SocketIo.event(&mut out, "echo", br#"{"a": [1]}"#);
        assert_eq!(SocketIo.read(&out).unwrap(), Incoming::Event { name: "echo".into(), data: br#"{"a": [1]}"# });
        assert_eq!(SocketIo.read(b"2").unwrap(), Incoming::Answer(b"3"));
    }

    #[test]
    fn a_connection_opens_in_two_steps() {
        assert_eq!(SocketIo.open(None), Ok(Opening::Waiting));
        assert_eq!(SocketIo.open(Some(br#"0{"sid":"a"}"#)), Ok(Opening::Say(b"40")));
        assert_eq!(SocketIo.open(Some(br#"40{"sid":"b"}"#)), Ok(Opening::Open));
    }
}
