//! Bytes to envelope and back. Pure: no async, no I/O, no state; whatever can be fuzzed lives here. What an event does
//! is decided further up.

mod close;
mod depth;
mod encoded;
mod event;
mod message;
mod plain;
mod rfc6455;
mod shared;

pub use close::{CloseCode, Disconnect};
pub(crate) use depth::exceeds_depth;
pub(crate) use encoded::Encoded;
pub use event::Event;
pub(crate) use event::to_json;
pub use message::{Message, Text};
pub(crate) use plain::decode;
pub(crate) use plain::{Envelope, Incoming, Malformed, Outgoing, RequestId};
pub(crate) use rfc6455::{Decoder, Flow, OpCode, Received, close_frame};
pub(crate) use shared::Shared;

/// How one peer writes its envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
}

impl WireFormat {
    /// One whole frame, ready for the transport.
    pub(crate) fn encode(self, outgoing: &Outgoing<'_>) -> Encoded {
        match self {
            Self::Plain => Encoded::text(outgoing.expected_len(), |json| plain::encode(outgoing, json)),
        }
    }
}
