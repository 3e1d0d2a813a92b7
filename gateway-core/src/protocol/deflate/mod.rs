//! Compressed messages (RFC 7692 §7): the work of both directions. What was agreed on is negotiated further up. Between two
//! messages nothing is kept but the window of a client that may refer to it: compressors and buffers are the thread's.

#[cfg(not(feature = "deflate"))]
mod disabled;
mod frames;
#[cfg(feature = "deflate")]
mod zlib;

#[cfg(not(feature = "deflate"))]
pub(crate) use disabled::{Inflater, give_back};
pub(crate) use frames::{RSV1, deflated};
#[cfg(feature = "deflate")]
pub(crate) use zlib::{Inflater, give_back};

#[cfg(not(feature = "deflate"))]
use disabled::deflate;
#[cfg(feature = "deflate")]
use zlib::deflate;

/// Windows that a server compresses with, in bits: zlib has none of 8 bits.
pub(crate) const SMALLEST_WINDOW: u8 = 9;
pub(crate) const LARGEST_WINDOW: u8 = 15;

/// Compression of messages to one client. Each message stands for itself, so that all clients with the same parameters
/// share one compressed form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deflating {
    /// In bits, from [`SMALLEST_WINDOW`] to [`LARGEST_WINDOW`].
    pub(crate) window: u8,
    /// From 1, the fastest, to 9.
    pub(crate) level: u8,
    /// Bytes of a message from which on it is compressed.
    pub(crate) threshold: usize,
}

/// Context takeover of a client's compressor (RFC 7692 §7.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Takeover {
    /// It does, with a window of so many bits.
    Kept(u8),
    /// It was asked not to. Some clients do all the same, with at most this window.
    Declined(u8),
    /// It has said itself that it does not.
    Never,
}

/// Bytes that a message of `most` may have before it is inflated: what cannot be compressed grows by a few bytes for each
/// block, and some compressors make small ones.
pub(crate) fn longest_deflated(most: usize) -> usize {
    most.saturating_add(most / 8).saturating_add(64)
}
