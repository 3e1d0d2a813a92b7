//! The frames of RFC 6455 on the server's side: bytes to messages and back. No I/O and no clock; the transport's fuzz
//! target.

mod decoder;
mod encode;
mod header;
mod mask;
mod server_frames;

pub(crate) use decoder::{Flow, FrameDecoder, ReceivedMessage};
pub(crate) use encode::{LONGEST_HEADER, OpCode, close_frame, frame, push_frame, push_header};
#[cfg(any(test, feature = "testing"))]
pub(crate) use server_frames::ServerFrame;
pub(crate) use server_frames::ServerFrames;
