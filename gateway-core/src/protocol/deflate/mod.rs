//! Compressed messages (RFC 7692 §7) in both directions. Parameters are negotiated in `transport/`. Between two messages
//! only the window of a client with context takeover is kept: compressors and buffers belong to the thread.

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

/// Windows of the server's compressors, in bits. zlib has none of 8 bits.
pub(crate) const SMALLEST_WINDOW: u8 = 9;
pub(crate) const LARGEST_WINDOW: u8 = 15;

/// Parameters of the compression of messages to a client. Messages are compressed independently, so that all clients
/// with the same parameters share one compressed form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Deflating {
    /// Window in bits, from [`SMALLEST_WINDOW`] to [`LARGEST_WINDOW`].
    pub(crate) window: u8,
    /// Level from 1, the fastest, to 9.
    pub(crate) level: u8,
    /// Minimum size of a compressed message, in bytes.
    pub(crate) threshold: usize,
}

/// Context takeover of a client's compressor (RFC 7692 §7.1.1).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Takeover {
    /// The client's messages refer to earlier ones, within a window of this many bits.
    Kept(u8),
    /// The server requested none. Some clients ignore this, with at most this window.
    Declined(u8),
    /// The client offered to use none.
    Never,
}

/// Maximum size of the compressed form of a message of `most` bytes. Incompressible data grow by a few bytes per block,
/// and some compressors write small blocks.
pub(crate) fn longest_deflated(most: usize) -> usize {
    most.saturating_add(most / 8).saturating_add(64)
}
