//! Compression of the server's frames, message by message.

use crate::protocol::deflate::{Deflating, deflate};
use crate::protocol::rfc6455::{LONGEST_HEADER, OpCode, ServerFrames, push_header};

/// RFC 7692 §6: the bit of a compressed message.
pub(crate) const RSV1: u8 = 0x40;

/// Compresses whole, unmasked frames. Returns `None` if no message becomes shorter.
pub(crate) fn deflated(frames: &[u8], how: Deflating) -> Option<Vec<u8>> {
    if frames.len() < how.threshold {
        return None;
    }
    let mut out = None;
    let mut read = 0;
    let mut compressed = Vec::new();
    for frame in ServerFrames::new(frames) {
        let (first, payload) = (frame.first_byte(), frame.payload);
        let is_message = first == 0x80 | OpCode::Text as u8 || first == 0x80 | OpCode::Binary as u8;
        compressed.clear();
        if is_message && payload.len() >= how.threshold.max(1) && deflate(payload, how, &mut compressed) {
            let out = out.get_or_insert_with(|| {
                let mut out = Vec::with_capacity(read + LONGEST_HEADER + compressed.len());
                out.extend_from_slice(&frames[..read]);
                out
            });
            push_header(out, first | RSV1, compressed.len());
            out.extend_from_slice(&compressed);
        } else if let Some(out) = &mut out {
            out.extend_from_slice(frame.whole);
        }
        read += frame.whole.len();
    }
    debug_assert_eq!(read, frames.len(), "whole frames");
    out
}
