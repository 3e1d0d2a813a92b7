//! The format of a connection's messages, in both directions: messages are decoded into envelopes, and envelopes encoded
//! as frames. Each format has its own module.

use crate::protocol::msgpack::MsgpackLimits;
use crate::protocol::socket_io::{PacketDecoder, PacketLimits};
use crate::protocol::{
    ClientMessage, CloseCode, Disconnect, Encoded, Incoming, Malformed, MessageFormat, OpCode, Outgoing, Violation,
    close_frame, custom, engine_io, event_stream, lines, plain, plain_msgpack, socket_io,
};

/// Maximum number of binary parts in a MessagePack packet. The message's size is limited as usual; this limits the
/// overhead of the parts.
const PARTS_INSIDE: usize = 1024;

/// The codec of a connection: its format, and an incomplete packet if any.
pub(crate) enum Codec {
    Plain,
    PlainNumbered,
    PlainMsgpack(MsgpackLimits),
    PlainMsgpackNumbered(MsgpackLimits),
    Custom(&'static dyn MessageFormat),
    Lines,
    LinesNumbered,
    LinesMsgpack(MsgpackLimits),
    LinesMsgpackNumbered(MsgpackLimits),
    SocketIo(Box<PacketDecoder>),
    SocketIoMsgpack(Box<PacketDecoder>),
    EngineIo,
    EventStream,
}

/// Failure to decode a message.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// Sent to the client; the connection stays open.
    Malformed(Malformed),
    /// The application's own format panicked. Sent to the client; the connection stays open.
    Panicked,
    /// Ends the connection.
    Violation(Violation),
}

impl Codec {
    /// Creates the codec of a connection. `custom` is the application's own format, if any.
    pub(crate) fn new(format: WireFormat, custom: Option<&'static dyn MessageFormat>, limits: PacketLimits) -> Self {
        let PacketLimits { attachments, depth, .. } = limits;
        match format {
            WireFormat::Plain => Self::Plain,
            WireFormat::PlainNumbered => Self::PlainNumbered,
            WireFormat::PlainMsgpack => Self::PlainMsgpack(MsgpackLimits { depth, attachments }),
            WireFormat::PlainMsgpackNumbered => Self::PlainMsgpackNumbered(MsgpackLimits { depth, attachments }),
            WireFormat::Custom => custom.map_or(Self::Plain, Self::Custom),
            WireFormat::Lines => Self::Lines,
            WireFormat::LinesNumbered => Self::LinesNumbered,
            WireFormat::LinesMsgpack => Self::LinesMsgpack(MsgpackLimits { depth, attachments }),
            WireFormat::LinesMsgpackNumbered => Self::LinesMsgpackNumbered(MsgpackLimits { depth, attachments }),
            WireFormat::SocketIo => Self::SocketIo(Box::new(PacketDecoder::new(limits))),
            WireFormat::SocketIoMsgpack => {
                let limits = PacketLimits { attachments: attachments.max(PARTS_INSIDE), ..limits };
                Self::SocketIoMsgpack(Box::new(PacketDecoder::packed(limits)))
            }
            WireFormat::EngineIo => Self::EngineIo,
            WireFormat::EventStream => Self::EventStream,
        }
    }

    /// Format of the server's messages.
    pub(crate) fn format(&self) -> WireFormat {
        match self {
            Self::Plain => WireFormat::Plain,
            Self::PlainNumbered => WireFormat::PlainNumbered,
            Self::PlainMsgpack(_) => WireFormat::PlainMsgpack,
            Self::PlainMsgpackNumbered(_) => WireFormat::PlainMsgpackNumbered,
            Self::Custom(_) => WireFormat::Custom,
            Self::Lines => WireFormat::Lines,
            Self::LinesNumbered => WireFormat::LinesNumbered,
            Self::LinesMsgpack(_) => WireFormat::LinesMsgpack,
            Self::LinesMsgpackNumbered(_) => WireFormat::LinesMsgpackNumbered,
            Self::SocketIo(_) => WireFormat::SocketIo,
            Self::SocketIoMsgpack(_) => WireFormat::SocketIoMsgpack,
            Self::EngineIo => WireFormat::EngineIo,
            Self::EventStream => WireFormat::EventStream,
        }
    }

    /// Decodes a message and passes it on, with the namespace if the format has one. A packet with binary parts is passed on
    /// with its last part.
    ///
    /// # Errors
    ///
    /// [`DecodeError`]; after a violation nothing more may be decoded.
    #[inline]
    pub(crate) fn decode(
        &mut self,
        message: ClientMessage<'_>,
        mut deliver: impl FnMut(Option<&str>, Incoming<'_>),
    ) -> Result<(), DecodeError> {
        match (self, message) {
            (
                Self::Plain
                | Self::PlainNumbered
                | Self::PlainMsgpack(_)
                | Self::PlainMsgpackNumbered(_)
                | Self::Lines
                | Self::LinesNumbered
                | Self::LinesMsgpack(_)
                | Self::LinesMsgpackNumbered(_)
                | Self::EventStream,
                ClientMessage::Text(text),
            ) => {
                deliver(None, plain::decode(text)?);
            }
            (Self::Lines | Self::LinesNumbered, ClientMessage::Binary(_)) => {
                return Err(Malformed::new("the line is not UTF-8").into());
            }
            (
                Self::PlainMsgpack(limits)
                | Self::PlainMsgpackNumbered(limits)
                | Self::LinesMsgpack(limits)
                | Self::LinesMsgpackNumbered(limits),
                ClientMessage::Binary(bytes),
            ) => {
                plain_msgpack::decode_packed(bytes, *limits, |incoming| deliver(None, incoming))?;
            }
            (Self::Plain | Self::PlainNumbered | Self::EventStream, ClientMessage::Binary(_)) => {
                let text = message.text().map_err(|error| Malformed::new(error.to_string()))?;
                deliver(None, plain::decode(text)?);
            }
            (Self::Custom(format), message) => {
                custom::decode_custom(*format, message, |incoming| deliver(None, incoming))?;
            }
            (Self::SocketIo(decoder) | Self::SocketIoMsgpack(decoder), ClientMessage::Text(text)) => {
                decoder.text(text, &mut deliver)?;
            }
            (Self::SocketIo(decoder) | Self::SocketIoMsgpack(decoder), ClientMessage::Binary(bytes)) => {
                decoder.binary(bytes, &mut deliver)?;
            }
            // Without envelopes a message goes to the gateway unchanged.
            (Self::EngineIo, _) => {}
        }
        Ok(())
    }

    /// Number of the packet that waits for binary parts, if any.
    pub(crate) fn assembling(&self) -> Option<u64> {
        match self {
            Self::SocketIo(decoder) | Self::SocketIoMsgpack(decoder) => decoder.assembling(),
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack(_)
            | Self::PlainMsgpackNumbered(_)
            | Self::Custom(_)
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack(_)
            | Self::LinesMsgpackNumbered(_)
            | Self::EngineIo
            | Self::EventStream => None,
        }
    }
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Codec({:?})", self.format())
    }
}

impl From<Malformed> for DecodeError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<Violation> for DecodeError {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

/// Parameters of an encoding beside its format.
#[derive(Clone, Copy)]
pub(crate) struct EncodeContext<'a> {
    pub(crate) namespace: &'a str,
    /// The application's own format, if any.
    pub(crate) own: Option<&'static dyn MessageFormat>,
}

/// Format of a peer's envelopes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WireFormat {
    /// `docs/protocol.md`.
    Plain,
    /// Plain JSON for clients that requested recovery: events carry their offset.
    PlainNumbered,
    /// Plain envelopes in MessagePack.
    PlainMsgpack,
    /// Plain envelopes in MessagePack for clients that requested recovery: events carry their offset.
    PlainMsgpackNumbered,
    /// The application's own format, [`EncodeContext::own`].
    Custom,
    /// Plain JSON, one object a line.
    Lines,
    /// Lines for clients that requested recovery: events carry their offset.
    LinesNumbered,
    /// Plain envelopes in MessagePack, each behind its length.
    LinesMsgpack,
    /// The same envelopes for clients that requested recovery: events carry their offset.
    LinesMsgpackNumbered,
    /// Socket.IO over Engine.IO, packets as text.
    SocketIo,
    /// Socket.IO over Engine.IO, packets as MessagePack.
    SocketIoMsgpack,
    /// Whole messages over Engine.IO, without envelopes.
    EngineIo,
    /// Server-sent events; clients send plain JSON.
    EventStream,
}

impl WireFormat {
    pub(crate) const COUNT: usize = 13;

    /// Returns `true` if every message is inside a packet of Engine.IO.
    pub(crate) fn is_of_engine(self) -> bool {
        match self {
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack
            | Self::LinesMsgpackNumbered
            | Self::EventStream => false,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => true,
        }
    }

    /// Returns `true` for messages over TCP and Unix sockets, without frames of a WebSocket.
    pub(crate) fn is_of_lines(self) -> bool {
        matches!(self, Self::Lines | Self::LinesNumbered | Self::LinesMsgpack | Self::LinesMsgpackNumbered)
    }

    /// The protocol of the format, for nodes of a cluster: a client resumes in the protocol in which it was connected.
    pub(crate) fn family(self) -> &'static str {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::PlainMsgpackNumbered | Self::Custom => {
                "plain"
            }
            Self::Lines | Self::LinesNumbered | Self::LinesMsgpack | Self::LinesMsgpackNumbered => "lines",
            Self::EventStream => "server-sent events",
            Self::SocketIo | Self::SocketIoMsgpack => "socket.io",
            Self::EngineIo => "engine.io",
        }
    }

    /// Returns `true` if events carry their offset, for clients that can resume.
    pub(crate) fn numbers_events(self) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Custom | Self::Lines | Self::LinesMsgpack | Self::EngineIo => {
                false
            }
            Self::PlainNumbered
            | Self::PlainMsgpackNumbered
            | Self::LinesNumbered
            | Self::LinesMsgpackNumbered
            | Self::SocketIo
            | Self::SocketIoMsgpack
            | Self::EventStream => true,
        }
    }

    /// Returns `true` if a client that can resume reads the last text of every event as its offset.
    pub(crate) fn takes_texts_for_offsets(self) -> bool {
        match self {
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack
            | Self::LinesMsgpackNumbered
            | Self::EngineIo
            | Self::EventStream => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Returns `true` if clients have a message for disconnecting, so that a close without it is a lost connection.
    pub(crate) fn has_farewells(self) -> bool {
        match self {
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack
            | Self::LinesMsgpackNumbered
            | Self::EngineIo
            | Self::EventStream => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Ping of the format.
    pub(crate) fn ping(self) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::PlainMsgpackNumbered | Self::Custom => {
                Encoded::frame(OpCode::Ping, &[])
            }
            Self::Lines | Self::LinesNumbered | Self::LinesMsgpack | Self::LinesMsgpackNumbered => {
                lines::ping_message(self)
            }
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => engine_io::ping(),
            Self::EventStream => event_stream::HEARTBEAT.to_vec().into(),
        }
    }

    /// Answer to a ping of the client's transport, with the payload of the ping.
    pub(crate) fn pong(self, payload: &[u8]) -> Encoded {
        match self {
            Self::Lines | Self::LinesNumbered | Self::LinesMsgpack | Self::LinesMsgpackNumbered => {
                lines::pong_message(self, payload)
            }
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::SocketIo
            | Self::SocketIoMsgpack
            | Self::EngineIo
            | Self::EventStream => Encoded::frame(OpCode::Pong, payload),
        }
    }

    /// Returns `true` if a close frame has a code and a reason.
    pub(crate) fn tells_why(self) -> bool {
        match self {
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack
            | Self::LinesMsgpackNumbered
            | Self::EventStream => true,
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => false,
        }
    }

    /// Last frame of a connection.
    pub(crate) fn close_frame(self, close: Option<&Disconnect>) -> Encoded {
        match self {
            Self::Plain | Self::PlainNumbered | Self::PlainMsgpack | Self::PlainMsgpackNumbered | Self::Custom => {
                close_frame(close)
            }
            Self::Lines | Self::LinesNumbered | Self::LinesMsgpack | Self::LinesMsgpackNumbered => {
                lines::close_message(self, close)
            }
            Self::EventStream => event_stream::encode_close(close),
            // Engine.IO closes without a code, except to make the client reconnect and for violations of RFC 6455; these have a code
            // without a reason.
            Self::SocketIo | Self::SocketIoMsgpack | Self::EngineIo => {
                let code = close
                    .map(|close| close.code)
                    .map(|code| if code == CloseCode::LIFETIME { CloseCode::GOING_AWAY } else { code })
                    .filter(|code| code.is_of_the_protocol() || *code == CloseCode::GOING_AWAY);
                close_frame(code.map(|code| Disconnect::new(code, "")).as_ref())
            }
        }
    }

    /// Encodes a message as whole frames, ready for the transport; none if the format does not send it.
    pub(crate) fn encode(self, encode_context: EncodeContext<'_>, outgoing: &Outgoing<'_>) -> Encoded {
        match self {
            Self::Plain if matches!(outgoing, Outgoing::Connected { .. } | Outgoing::Disconnected) => {
                Encoded::nothing()
            }
            Self::Plain => Encoded::text(plain::expected_len(outgoing), |json| plain::encode(outgoing, json)),
            Self::PlainNumbered if matches!(outgoing, Outgoing::Disconnected) => Encoded::nothing(),
            Self::PlainNumbered => encode_plain_numbered(outgoing, outgoing.offset()),
            Self::PlainMsgpack if matches!(outgoing, Outgoing::Connected { .. }) => Encoded::nothing(),
            Self::PlainMsgpack => plain_msgpack::encode_packed(outgoing, None),
            Self::PlainMsgpackNumbered => plain_msgpack::encode_packed(outgoing, outgoing.offset()),
            Self::Custom => custom::encode_custom(encode_context.own, outgoing),
            Self::Lines => lines::encode_line(outgoing, None),
            Self::LinesNumbered => lines::encode_line(outgoing, outgoing.offset()),
            Self::LinesMsgpack => lines::encode_packed_frame(outgoing, None),
            Self::LinesMsgpackNumbered => lines::encode_packed_frame(outgoing, outgoing.offset()),
            Self::SocketIo => socket_io::encode(encode_context.namespace, outgoing),
            Self::SocketIoMsgpack => socket_io::encode_packed(encode_context.namespace, outgoing),
            Self::EngineIo => Encoded::nothing(),
            Self::EventStream => event_stream::encode_event_stream(outgoing),
        }
    }

    /// Returns `true` if a request is answered by an ack, which belongs to the request alone.
    pub(crate) fn has_acks(self) -> bool {
        match self {
            Self::Plain
            | Self::PlainNumbered
            | Self::PlainMsgpack
            | Self::PlainMsgpackNumbered
            | Self::Custom
            | Self::Lines
            | Self::LinesNumbered
            | Self::LinesMsgpack
            | Self::LinesMsgpackNumbered
            | Self::EngineIo
            | Self::EventStream => false,
            Self::SocketIo | Self::SocketIoMsgpack => true,
        }
    }

    /// Returns `true` if this message is kept for recovery and has an offset.
    pub(crate) fn is_numbered(self, outgoing: &Outgoing<'_>) -> bool {
        match self {
            Self::Plain | Self::PlainMsgpack | Self::Custom | Self::Lines | Self::LinesMsgpack | Self::EngineIo => {
                false
            }
            Self::PlainNumbered
            | Self::PlainMsgpackNumbered
            | Self::LinesNumbered
            | Self::LinesMsgpackNumbered
            | Self::EventStream => plain::is_event(outgoing),
            Self::SocketIo | Self::SocketIoMsgpack => socket_io::is_event(outgoing),
        }
    }

    /// Encodes a message: first the frames with an offset, then the accompanying frames without one.
    pub(crate) fn encode_numbered(
        self,
        encode_context: EncodeContext<'_>,
        outgoing: &Outgoing<'_>,
        offset: &str,
    ) -> [Encoded; 2] {
        match self {
            // The id of a server-sent event is the session's to write.
            Self::Plain
            | Self::PlainMsgpack
            | Self::Custom
            | Self::Lines
            | Self::LinesMsgpack
            | Self::EngineIo
            | Self::EventStream => [self.encode(encode_context, outgoing), Encoded::nothing()],
            Self::PlainNumbered => [encode_plain_numbered(outgoing, Some(offset)), Encoded::nothing()],
            Self::PlainMsgpackNumbered => [plain_msgpack::encode_packed(outgoing, Some(offset)), Encoded::nothing()],
            Self::LinesNumbered => [lines::encode_line(outgoing, Some(offset)), Encoded::nothing()],
            Self::LinesMsgpackNumbered => [lines::encode_packed_frame(outgoing, Some(offset)), Encoded::nothing()],
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
    /// Parameters without a custom format.
    pub(crate) fn new(namespace: &'a str) -> Self {
        Self { namespace, own: None }
    }
}

impl std::fmt::Debug for EncodeContext<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("EncodeContext").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
