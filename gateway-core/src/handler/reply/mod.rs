//! Replies of handlers, and the right to answer.

pub(super) mod ack;
pub(super) mod raw_reply;
pub(super) mod responder;
pub(super) mod shared_responder;
pub(super) mod stream;
pub(super) mod value;

pub use ack::Ack;
pub use raw_reply::RawOutput;
pub(crate) use raw_reply::RawReply;
pub(crate) use responder::{Compat, Finished, Responder, StreamStep, Streaming};
pub(crate) use shared_responder::{Share, SharedResponder};
pub use stream::{Items, ReplyStream, Streamed};
pub(crate) use value::Outcome;
pub use value::{Driven, IntoReply, Reply};
