//! The plain protocol over a stream of bytes (`docs/protocol.md`, "Lines over TCP"): one JSON object a line, or `MessagePack`
//! behind its length. Pure: no I/O and no clock; the fuzz target of lines.

mod control;
mod decoder;
mod encode;
mod first;

pub(crate) use decoder::{Framing, LineDecoder};
pub(crate) use encode::{close_message, encode_line, encode_packed_frame, ping_message, pong_message, refusal};
pub(crate) use first::{FirstMessage, FoundFirst, ResumeMembers, find_first};
