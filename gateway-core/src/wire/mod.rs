//! Bytes to envelope and back. Pure: no async, no I/O, no state; whatever can be fuzzed lives here. What an event does
//! is decided further up.

mod args;
mod arity;
mod binary;
mod close;
mod deflate;
mod depth;
mod encoded;
pub(crate) mod engine_io;
mod envelope;
mod event;
mod fault;
mod json;
mod lenient;
mod message;
mod msgpack;
mod own;
mod packed;
mod payload;
mod plain;
mod rfc6455;
mod shared;
pub(crate) mod socket_io;
mod trace;
mod violation;

pub(crate) use args::List;
pub use args::{Args, FromArgs, RawArgs, ToArgs};
pub use binary::Binary;
pub use close::{CloseCode, Disconnect};
pub(crate) use deflate::{Deflating, Inflater, LARGEST_WINDOW, SMALLEST_WINDOW, Takeover};
pub(crate) use depth::exceeds_depth;
pub(crate) use encoded::{Encoded, Key};
pub(crate) use envelope::{Envelope, Incoming, Malformed, Named, Outgoing, RequestId};
pub use event::Event;
pub(crate) use event::{CATCH_ALL, is_reserved, to_json};
pub(crate) use fault::{Fault, Step};
pub use lenient::Lenient;
pub use message::{Message, Text};
pub(crate) use msgpack::Extent;
#[cfg(feature = "testing")]
pub(crate) use msgpack::{Reader, Writer};
pub use own::{ClientMessage, ClientSays, FormatError, MessageFormat, Says, ServerSays};
pub(crate) use own::{OwnFailure, OwnForm, decode_own};
pub(crate) use packed::decode_packed;
pub(crate) use payload::{Attachments, Content, ContentRef, Payload, Shape};
pub(crate) use plain::decode;
pub(crate) use rfc6455::{Decoder, Flow, OpCode, Received, close_frame};
pub(crate) use shared::{Latest, Shared, Worth};
pub use trace::TraceParent;
pub(crate) use violation::Violation;

/// What is agreed with a peer beside its format.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) namespace: &'a str,
    /// The application's own form, where it has one.
    pub(crate) own: Option<&'static dyn MessageFormat>,
}

/// How one peer writes its envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
    /// The same for clients that asked to come back after a lost connection: events carry their offset.
    PlainNumbered,
    /// The same as MessagePack.
    PlainMsgpack,
    /// In the form that [`Terms`] have.
    Own,
    /// Socket.IO over Engine.IO, packets as text.
    SocketIo,
    /// Socket.IO over Engine.IO, packets as MessagePack.
    SocketIoMsgpack,
    /// Whole messages over Engine.IO, without envelopes.
    EngineIo,
}

impl WireFormat {
    pub(crate) const COUNT: usize = 7;

    /// Whether an engine's packets are around everything.
    pub(crate) fn is_of_engine(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own => false,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => true,
        }
    }

    /// Whether events carry their offset, for clients that can come back.
    pub(crate) fn numbers_events(self) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Own | Self::EngineIo => false,
            Self::PlainNumbered | Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Whether a client that can come back takes the last text of every event for its offset.
    pub(crate) fn takes_texts_for_offsets(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Whether clients have a word for leaving, so that the close of a connection without it is a loss.
    pub(crate) fn has_farewells(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// What asks a client whether it is there.
    pub(crate) fn ping(self) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own => Encoded::frame(OpCode::Ping, &[]),
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => engine_io::ping(),
        }
    }

    /// The last frame of a connection.
    /// Whether a close frame has a code and a reason.
    pub(crate) fn tells_why(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own => true,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => false,
        }
    }

    pub(crate) fn close_frame(self, close: Option<&Disconnect>) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own => close_frame(close),
            // Engines close without a code, but where the client is to come back and for violations of RFC 6455, and say no more than
            // the code then.
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => {
                let code = close
                    .map(|close| close.code)
                    .map(|code| if code == CloseCode::LIFETIME { CloseCode::GOING_AWAY } else { code })
                    .filter(|code| code.is_of_the_protocol() || *code == CloseCode::GOING_AWAY);
                close_frame(code.map(|code| Disconnect::new(code, "")).as_ref())
            }
        }
    }

    /// Whole frames, ready for the transport: one, or none where the format says nothing.
    pub(crate) fn encode(self, terms: Terms<'_>, outgoing: &Outgoing<'_>) -> Encoded {
        match self {
            Self::Plain if matches!(outgoing, Outgoing::Connected { .. } | Outgoing::Disconnected) => {
                Encoded::nothing()
            }
            Self::Plain => Encoded::text(plain::expected_len(outgoing), |json| plain::encode(outgoing, json)),
            Self::PlainNumbered if matches!(outgoing, Outgoing::Disconnected) => Encoded::nothing(),
            Self::PlainNumbered => encode_plain_numbered(outgoing, outgoing.offset()),
            Self::PlainMsgpack => packed::encode_packed(outgoing),
            Self::Own => own::encode_own(terms.own, outgoing),
            Self::SocketIo => socket_io::encode(terms.namespace, outgoing),
            Self::SocketIoMsgpack => socket_io::encode_packed(terms.namespace, outgoing),
            Self::EngineIo => Encoded::nothing(),
        }
    }

    /// Whether a request is answered by an ack, which belongs to the request alone.
    pub(crate) fn has_acks(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Own | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Whether a client can ask for it again after a lost connection, where it can come back.
    pub(crate) fn is_numbered(self, outgoing: &Outgoing<'_>) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Own | Self::EngineIo => false,
            Self::PlainNumbered => plain::is_event(outgoing),
            Self::SocketIo | Self::SocketIoMsgpack => socket_io::is_event(outgoing),
        }
    }

    /// The frames of what has an offset, and those that go with it and have none.
    pub(crate) fn encode_numbered(self, terms: Terms<'_>, outgoing: &Outgoing<'_>, offset: &str) -> [Encoded; 2] {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Own | Self::EngineIo => {
                [self.encode(terms, outgoing), Encoded::nothing()]
            }
            Self::PlainNumbered => [encode_plain_numbered(outgoing, Some(offset)), Encoded::nothing()],
            Self::SocketIo => socket_io::encode_numbered(terms.namespace, outgoing, offset),
            Self::SocketIoMsgpack => socket_io::encode_packed_numbered(terms.namespace, outgoing, offset),
        }
    }
}

fn encode_plain_numbered(outgoing: &Outgoing<'_>, offset: Option<&str>) -> Encoded {
    let expected = plain::expected_len(outgoing) + offset.map_or(0, str::len) + 12;
    Encoded::text(expected, |json| plain::encode_numbered(outgoing, offset, json))
}

impl<'a> Terms<'a> {
    /// Where no form of the application's own is spoken.
    pub(crate) fn of(namespace: &'a str) -> Self {
        Self { namespace, own: None }
    }
}

impl std::fmt::Debug for Terms<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Terms").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
