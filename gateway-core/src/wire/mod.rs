//! Bytes to envelope and back. Pure: no async, no I/O, no state; whatever can be fuzzed lives here. What an event does
//! is decided further up.

mod close;
mod depth;
mod encoded;
// Spoken as soon as a server serves it.
#[allow(dead_code)]
pub(crate) mod engine_io;
mod envelope;
mod event;
mod json;
mod message;
#[allow(dead_code)]
mod msgpack;
mod payload;
mod plain;
mod rfc6455;
mod shared;
#[allow(dead_code)]
pub(crate) mod socket_io;
mod violation;

pub use close::{CloseCode, Disconnect};
pub(crate) use depth::exceeds_depth;
pub(crate) use encoded::Encoded;
pub(crate) use envelope::{Envelope, Incoming, Malformed, Named, Outgoing, RequestId};
pub use event::Event;
pub(crate) use event::to_json;
pub use message::{Message, Text};
pub(crate) use payload::{Attachments, Content, ContentRef, Payload, Shape, from_payload};
pub(crate) use plain::decode;
pub(crate) use rfc6455::{Decoder, Flow, OpCode, Received, close_frame};
pub(crate) use shared::Shared;
pub(crate) use violation::Violation;

/// How one peer writes its envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
    /// Socket.IO over Engine.IO, packets as text.
    SocketIo,
    /// Socket.IO over Engine.IO, packets as MessagePack.
    SocketIoMsgpack,
    /// Whole messages over Engine.IO, without envelopes.
    EngineIo,
}

impl WireFormat {
    pub(crate) const COUNT: usize = 4;

    /// Whole frames, ready for the transport: one, or none where the format says nothing.
    pub(crate) fn encode(self, namespace: &str, outgoing: &Outgoing<'_>) -> Encoded {
        match self {
            Self::Plain if matches!(outgoing, Outgoing::Connected { .. } | Outgoing::Disconnected) => {
                Encoded::nothing()
            }
            Self::Plain => Encoded::text(plain::expected_len(outgoing), |json| plain::encode(outgoing, json)),
            Self::SocketIo => socket_io::encode(namespace, outgoing),
            Self::SocketIoMsgpack => socket_io::encode_packed(namespace, outgoing),
            Self::EngineIo => Encoded::nothing(),
        }
    }
}
