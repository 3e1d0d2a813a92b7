//! Compression as a client does it, each message for itself.

use flate2::{Compress, Compression, FlushCompress};

/// The empty block at the end of what is flushed, which is not sent (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The payload of the message of these bytes.
pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::default(), false);
    // More than deflate makes of anything: a block that is stored has five bytes more.
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 1000 + 64);
    compress.compress_vec(bytes, &mut out, FlushCompress::Sync).expect("memory to write to");
    assert!(out.ends_with(&TAIL), "room for all of it");
    out.truncate(out.len() - TAIL.len());
    out
}
