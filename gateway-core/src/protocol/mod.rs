//! Wire formats: bytes to envelopes and back. No async and no I/O, so that all of it can be fuzzed. Routing and handling
//! of events belong to higher layers.

mod args;
mod arity;
mod binary;
mod close;
pub(crate) mod cluster;
mod codec;
mod custom;
mod deflate;
mod encoded;
pub(crate) mod engine_io;
mod envelope;
mod event;
pub(crate) mod event_stream;
mod fault;
mod json;
mod lenient;
mod lines;
mod message;
mod msgpack;
mod offset;
mod payload;
mod plain;
mod plain_msgpack;
mod proxy_protocol;
mod rfc6455;
mod shared_event;
pub(crate) mod socket_io;
mod trace;

pub(crate) use args::ArgList;
pub use args::{Args, FromArgs, RawArgs, ToArgs};
pub use binary::Binary;
pub use close::{CloseCode, Disconnect};
pub(crate) use codec::{Codec, DecodeError, EncodeContext, WireFormat};
pub(crate) use custom::CustomFormat;
pub use custom::{ClientMessage, FormatError, IncomingMessage, MessageFormat, OutgoingKind, OutgoingMessage};
pub(crate) use deflate::{Deflating, Inflater, LARGEST_WINDOW, SMALLEST_WINDOW, Takeover};
pub(crate) use encoded::{Encoded, Key};
pub(crate) use envelope::{Envelope, Incoming, Malformed, Outgoing, ReplyEvent, RequestId, Violation};
pub(crate) use event::{CATCH_ALL, RENEWAL, is_reserved};
pub(crate) use fault::{Fault, Step};
pub use gateway_types::private::Event;
pub(crate) use json::exceeds_depth;
pub use lenient::Lenient;
pub(crate) use lines::{FirstMessage, FoundFirst, Framing, LineDecoder, ResumeMembers, find_first, refusal};
pub use message::{Message, Text};
pub(crate) use msgpack::MsgpackLimits;
#[cfg(feature = "testing")]
pub(crate) use msgpack::{MsgpackReader, MsgpackWriter};
pub(crate) use offset::{OffsetNumber, entry_of, read_offset};
pub(crate) use payload::{Arity, Attachments, Content, ContentRef, Payload};
#[cfg(fuzzing)]
pub(crate) use proxy_protocol::ProxyHeader;
pub(crate) use proxy_protocol::{ProxyHeaderError, find_proxy_header};
#[cfg(any(test, feature = "testing"))]
pub(crate) use rfc6455::ServerFrame;
pub(crate) use rfc6455::{Flow, FrameDecoder, OpCode, ReceivedMessage, ServerFrames, close_frame};
pub(crate) use shared_event::{Compress, SharedEvent};
pub use trace::TraceParent;
