//! The frames of RFC 6455, server's side: bytes in, messages out, and the other way round. No I/O, no clock; the fuzz
//! target of the transport.

mod decoder;
mod encode;
mod header;
mod mask;
mod server_frames;

pub(crate) use decoder::{Flow, FrameDecoder, ReceivedMessage};
pub(crate) use encode::{LONGEST_HEADER, OpCode, close_frame, frame, push_frame, push_header};
pub(crate) use server_frames::{ServerFrame, ServerFrames};
