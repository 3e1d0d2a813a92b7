//! `{"event":"echo","data":…}`, as `docs/protocol.md` has it.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Incoming, Opening, Wire};

/// The plain format.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
}

impl Wire for Plain {
    fn target(self) -> &'static str {
        "/"
    }

    fn open(self, message: Option<&[u8]>) -> Result<Opening, String> {
        match message {
            None => Ok(Opening::Open),
            Some(message) => Err(format!("unexpected: {}", String::from_utf8_lossy(message))),
        }
    }

    fn event(self, out: &mut Vec<u8>, name: &str, data: &[u8]) {
        out.extend_from_slice(br#"{"event":""#);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(br#"","data":"#);
        out.extend_from_slice(data);
        out.push(b'}');
    }

    fn read(self, message: &[u8]) -> Result<Incoming<'_>, String> {
        let envelope: Envelope<'_> = serde_json::from_slice(message).map_err(|error| error.to_string())?;
        Ok(Incoming::Event { name: envelope.event, data: envelope.data.get().as_bytes() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Plain, Wire};

    #[test]
    fn an_event_is_read_as_it_was_written() {
        let mut out = Vec::new();
        Plain.event(&mut out, "echo", br#"{"a": [1]}"#);
        assert_eq!(Plain.read(&out).unwrap(), Incoming::Event { name: "echo".into(), data: br#"{"a": [1]}"# });
    }
}
