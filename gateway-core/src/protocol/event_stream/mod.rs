//! Server-sent events (WHATWG HTML, "Server-sent events") as a format of the server's messages: an event is a block of
//! lines, and an answer to a request, which goes to the POST that asked, is one JSON object as on plain WebSocket.

mod encode;
mod posted;
mod refusal;

pub(in crate::protocol) use encode::encode_event_stream;
pub(crate) use encode::{HEARTBEAT, encode_close, is_answer, preamble, retry_after, with_event_id};
pub(crate) use posted::PostedKind;
pub(crate) use refusal::StreamRefusal;
