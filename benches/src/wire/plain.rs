//! `{"event":"echo","data":…}`, as `docs/protocol.md` has it.

use std::borrow::Cow;
use std::io::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Incoming, Opening, Said, Wire};

/// The plain format.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    id: Option<u64>,
}

impl Wire for Plain {
    fn target(&self) -> &'static str {
        "/"
    }

    fn open(&self, message: Option<&[u8]>) -> Result<Opening, String> {
        match message {
            None => Ok(Opening::Open),
            Some(message) => Err(format!("unexpected: {}", String::from_utf8_lossy(message))),
        }
    }

    fn event(&self, out: &mut Vec<u8>, name: &str, data: &[u8]) {
        out.extend_from_slice(br#"{"event":""#);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(br#"","data":"#);
        out.extend_from_slice(data);
        out.push(b'}');
    }

    fn request(&self, out: &mut Vec<u8>, name: &str, id: u64, data: &[u8]) {
        self.event(out, name, data);
        out.pop();
        write!(out, r#","id":{id}}}"#).expect("memory takes it");
    }

    fn read<'a>(&self, message: &'a [u8]) -> Result<Incoming<'a>, String> {
        let envelope: Envelope<'_> = serde_json::from_slice(message).map_err(|error| error.to_string())?;
        let said = envelope.id.map_or(Said::Event(envelope.event), Said::Reply);
        Ok(Incoming::Said(said, envelope.data.get().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, Plain, Said, Wire};

    #[test]
    fn what_was_written_is_read() {
        let (mut event, mut request) = (Vec::new(), Vec::new());
        Plain.event(&mut event, "echo", br#"{"a": [1]}"#);
        Plain.request(&mut request, "ask", 7, b"1");
        assert_eq!(Plain.read(&event), Ok(Incoming::Said(Said::event("echo"), br#"{"a": [1]}"#)));
        assert_eq!(Plain.read(&request), Ok(Incoming::Said(Said::Reply(7), b"1")));
    }
}
