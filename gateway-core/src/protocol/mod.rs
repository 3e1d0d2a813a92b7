//! Bytes to envelope and back. Pure: no async, no I/O, no state; whatever can be fuzzed lives here. What an event does
//! is decided further up.

mod args;
mod arity;
mod binary;
mod close;
mod custom;
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
mod payload;
mod plain;
mod plain_msgpack;
mod rfc6455;
mod shared_event;
pub(crate) mod socket_io;
mod trace;
mod violation;

pub(crate) use args::ArgList;
pub use args::{Args, FromArgs, RawArgs, ToArgs};
pub use binary::Binary;
pub use close::{CloseCode, Disconnect};
pub use custom::{ClientMessage, FormatError, IncomingMessage, MessageFormat, OutgoingKind, OutgoingMessage};
pub(crate) use custom::{CustomFailure, CustomFormat, decode_custom};
pub(crate) use deflate::{Deflating, Inflater, LARGEST_WINDOW, SMALLEST_WINDOW, Takeover};
pub(crate) use depth::exceeds_depth;
pub(crate) use encoded::{Encoded, Key};
pub(crate) use envelope::{Envelope, Incoming, Malformed, Outgoing, ReplyEvent, RequestId};
pub use event::Event;
pub(crate) use event::{CATCH_ALL, is_reserved, to_json};
pub(crate) use fault::{Fault, Step};
pub use lenient::Lenient;
pub use message::{Message, Text};
pub(crate) use msgpack::MsgpackLimits;
#[cfg(feature = "testing")]
pub(crate) use msgpack::{MsgpackReader, MsgpackWriter};
pub(crate) use payload::{Arity, Attachments, Content, ContentRef, Payload};
pub(crate) use plain::decode;
pub(crate) use plain_msgpack::decode_packed;
pub(crate) use rfc6455::{Flow, FrameDecoder, OpCode, ReceivedMessage, ServerFrame, ServerFrames, close_frame};
pub(crate) use shared_event::{Compress, PreviousFrames, SharedEvent};
pub use trace::TraceParent;
pub(crate) use violation::Violation;

/// Parameters of an encoding beside its format.
#[derive(Clone, Copy)]
pub(crate) struct EncodeContext<'a> {
    pub(crate) namespace: &'a str,
    /// The application's own form, where it has one.
    pub(crate) own: Option<&'static dyn MessageFormat>,
}

/// Format of one peer's envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
    /// Plain JSON for clients that asked to resume after a lost connection: events carry their offset.
    PlainNumbered,
    /// Plain envelopes in MessagePack.
    PlainMsgpack,
    /// In the form that [`EncodeContext`] have.
    Custom,
    /// Socket.IO over Engine.IO, packets as text.
    SocketIo,
    /// Socket.IO over Engine.IO, packets as MessagePack.
    SocketIoMsgpack,
    /// Whole messages over Engine.IO, without envelopes.
    EngineIo,
}

impl WireFormat {
    pub(crate) const COUNT: usize = 7;

    /// Returns `true` if every message is inside a packet of Engine.IO.
    pub(crate) fn is_of_engine(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom => false,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => true,
        }
    }

    /// Returns `true` if events carry their offset, for clients that can resume.
    pub(crate) fn numbers_events(self) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Custom | Self::EngineIo => false,
            Self::PlainNumbered | Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Returns `true` if a client that can resume takes the last text of every event for its offset.
    pub(crate) fn takes_texts_for_offsets(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Returns `true` if clients have a message for leaving, so that the close of a connection without it is a loss.
    pub(crate) fn has_farewells(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Ping of the format.
    pub(crate) fn ping(self) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom => Encoded::frame(OpCode::Ping, &[]),
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => engine_io::ping(),
        }
    }

    /// The last frame of a connection.
    /// Whether a close frame has a code and a reason.
    pub(crate) fn tells_why(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom => true,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => false,
        }
    }

    pub(crate) fn close_frame(self, close: Option<&Disconnect>) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom => close_frame(close),
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
    pub(crate) fn encode(self, encode_context: EncodeContext<'_>, outgoing: &Outgoing<'_>) -> Encoded {
        match self {
            Self::Plain if matches!(outgoing, Outgoing::Connected { .. } | Outgoing::Disconnected) => {
                Encoded::nothing()
            }
            Self::Plain => Encoded::text(plain::expected_len(outgoing), |json| plain::encode(outgoing, json)),
            Self::PlainNumbered if matches!(outgoing, Outgoing::Disconnected) => Encoded::nothing(),
            Self::PlainNumbered => encode_plain_numbered(outgoing, outgoing.offset()),
            Self::PlainMsgpack => plain_msgpack::encode_packed(outgoing),
            Self::Custom => custom::encode_custom(encode_context.own, outgoing),
            Self::SocketIo => socket_io::encode(encode_context.namespace, outgoing),
            Self::SocketIoMsgpack => socket_io::encode_packed(encode_context.namespace, outgoing),
            Self::EngineIo => Encoded::nothing(),
        }
    }

    /// Returns `true` if a request is answered by an ack, which belongs to the request alone.
    pub(crate) fn has_acks(self) -> bool {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::Custom | Self::EngineIo => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Returns `true` if a client that can resume may ask for this message again.
    pub(crate) fn is_numbered(self, outgoing: &Outgoing<'_>) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Custom | Self::EngineIo => false,
            Self::PlainNumbered => plain::is_event(outgoing),
            Self::SocketIo | Self::SocketIoMsgpack => socket_io::is_event(outgoing),
        }
    }

    /// The frames of what has an offset, and those that go with it and have none.
    pub(crate) fn encode_numbered(
        self,
        encode_context: EncodeContext<'_>,
        outgoing: &Outgoing<'_>,
        offset: &str,
    ) -> [Encoded; 2] {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Custom | Self::EngineIo => {
                [self.encode(encode_context, outgoing), Encoded::nothing()]
            }
            Self::PlainNumbered => [encode_plain_numbered(outgoing, Some(offset)), Encoded::nothing()],
            Self::SocketIo => socket_io::encode_numbered(encode_context.namespace, outgoing, offset),
            Self::SocketIoMsgpack => socket_io::encode_packed_numbered(encode_context.namespace, outgoing, offset),
        }
    }
}

fn encode_plain_numbered(outgoing: &Outgoing<'_>, offset: Option<&str>) -> Encoded {
    let expected = plain::expected_len(outgoing) + offset.map_or(0, str::len) + 12;
    Encoded::text(expected, |json| plain::encode_numbered(outgoing, offset, json))
}

impl<'a> EncodeContext<'a> {
    /// Where no form of the application's own is spoken.
    pub(crate) fn of(namespace: &'a str) -> Self {
        Self { namespace, own: None }
    }
}

impl std::fmt::Debug for EncodeContext<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EncodeContext").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
