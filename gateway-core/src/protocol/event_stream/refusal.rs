//! Frames for a client that was not let in, read back: a response has a status or a stream, as they say.

use crate::protocol::event_stream::encode::block;
use crate::protocol::json::first_value;

/// A client that was not let in: the exception as JSON, and the last event of a stream that did not begin.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct StreamRefusal<'a> {
    pub(crate) exception: &'a str,
    pub(crate) close: &'a str,
}

impl<'a> StreamRefusal<'a> {
    /// Reads the frames of a refusal back; `None` where there is no exception.
    pub(crate) fn read(frames: &'a [u8]) -> Option<Self> {
        let (exception, close) = first_value(std::str::from_utf8(frames).ok()?)?;
        Some(Self { exception, close })
    }

    /// Returns `true` if the client should try again later.
    pub(crate) fn is_passing(&self) -> bool {
        self.close.ends_with("\"reconnect\":true}\n\n")
    }

    /// The events of a stream that ends at once.
    pub(crate) fn events(&self) -> Vec<u8> {
        let mut out = Vec::new();
        block(&mut out, "exception", |out| out.extend_from_slice(self.exception.as_bytes()));
        out.extend_from_slice(self.close.as_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::event_stream::{encode_close, encode_event_stream};
    use crate::protocol::{CloseCode, Disconnect, Outgoing};

    #[test]
    fn a_refusal_is_an_exception_and_the_reason_of_the_end() {
        let refused = |code| {
            let object = encode_event_stream(&Outgoing::Refused { data: r#"{"a": "}"}"# });
            object.joined(&encode_close(Some(&Disconnect::new(code, "refused"))))
        };
        let (frames, passing) = (refused(CloseCode::REFUSED), refused(CloseCode::INTERNAL));
        let refusal = StreamRefusal::read(frames.as_slice()).unwrap();
        assert_eq!((refusal.exception, refusal.is_passing()), (r#"{"a": "}"}"#, false));
        let passing = StreamRefusal::read(passing.as_slice()).unwrap();
        assert!(passing.is_passing());
        let events = String::from_utf8(passing.events()).unwrap();
        assert!(events.starts_with("event: exception\ndata: {\"a\": \"}\"}\n\nevent: gateway:close\n"), "{events}");
        assert_eq!(StreamRefusal::read(encode_close(Some(&Disconnect::default())).as_slice()), None);
    }
}
