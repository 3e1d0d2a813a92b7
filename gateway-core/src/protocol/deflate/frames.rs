//! The server's frames, with each message compressed that is worth it.

use crate::protocol::deflate::{Deflating, deflate};
use crate::protocol::rfc6455::{LONGEST_HEADER, OpCode, push_header};

/// RFC 7692 §6: the bit of a compressed message.
pub(crate) const RSV1: u8 = 0x40;

/// The same frames; `None` where nothing of them is worth compressing. They are the server's own: whole, and not masked.
pub(crate) fn deflated(frames: &[u8], how: Deflating) -> Option<Vec<u8>> {
    if frames.len() < how.threshold {
        return None;
    }
    let mut out = None;
    let mut read = 0;
    let mut compressed = Vec::new();
    while let Some((header, payload)) = split(&frames[read..]) {
        let frame = &frames[read..read + header + payload];
        let (first, payload) = (frame[0], &frame[header..]);
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
            out.extend_from_slice(frame);
        }
        read += frame.len();
    }
    debug_assert_eq!(read, frames.len(), "whole frames");
    out
}

/// The lengths of the first frame's header and payload.
fn split(frames: &[u8]) -> Option<(usize, usize)> {
    let short = *frames.get(1)?;
    let (header, length) = match short {
        126 => (4, u64::from(u16::from_be_bytes(frames.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(frames.get(2..10)?.try_into().ok()?)),
        _ => (2, u64::from(short)),
    };
    let length = usize::try_from(length).ok()?;
    (frames.len() - header >= length).then_some((header, length))
}
