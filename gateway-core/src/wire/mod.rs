//! Bytes to envelope and back. Pure: no async, no I/O, no state; whatever can be fuzzed lives here. What an event does
//! is decided further up.

mod close;
mod depth;
mod event;
mod frame;
mod message;
mod plain;
mod shared;

pub use close::{CloseCode, Disconnect};
pub(crate) use depth::exceeds_depth;
pub use event::Event;
pub(crate) use event::to_json;
pub(crate) use frame::Frame;
pub use frame::Text;
pub use message::Message;
pub(crate) use plain::decode;
pub(crate) use plain::{Envelope, Incoming, Malformed, Outgoing, RequestId};
pub(crate) use shared::Shared;

/// How one peer writes its envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
}

impl WireFormat {
    pub(crate) fn encode(self, outgoing: &Outgoing<'_>) -> Frame {
        match self {
            Self::Plain => plain::encode(outgoing),
        }
    }
}
