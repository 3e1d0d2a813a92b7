//! Compressed frames for a client that negotiated compression. Frames are compressed before the lock is taken. Frames kept
//! for recovery stay uncompressed, as the next connection may not negotiate compression.

use std::sync::atomic::Ordering;

use crate::protocol::{Deflating, Encoded, SharedEvent};
use crate::session::outbox::Outbox;

impl Outbox {
    /// Compresses messages from now on.
    pub(crate) fn deflate(&self, how: Deflating) {
        let _ = self.deflating.set(how);
        self.deflates.store(true, Ordering::Relaxed);
    }

    /// Compression of messages, if enabled.
    #[inline]
    pub(crate) fn deflating(&self) -> Option<Deflating> {
        if cfg!(feature = "deflate") && self.deflates.load(Ordering::Relaxed) {
            self.deflating.get().copied()
        } else {
            None
        }
    }

    /// Form of a broadcast that this client takes.
    #[inline]
    pub(crate) fn form_of<'a>(&self, shared: &'a SharedEvent<'_>) -> &'a Encoded {
        self.compressed_form_of(shared).unwrap_or_else(|| shared.frame(self.format))
    }

    /// Form of a broadcast for a client that has agreed to compression: plain where compressing is not worth it.
    #[inline]
    pub(crate) fn compressed_form_of<'a>(&self, shared: &'a SharedEvent<'_>) -> Option<&'a Encoded> {
        self.deflating().map(|how| shared.deflated(self.format, how))
    }

    /// Returns the frame, compressed if enabled.
    #[inline]
    pub(crate) fn ready(&self, frame: Encoded) -> Encoded {
        match self.deflating() {
            None => frame,
            Some(how) => deflated(frame, how),
        }
    }
}

/// Apart from the method above, so that this is small and is inlined for clients without compression.
#[cold]
fn deflated(frame: Encoded, how: Deflating) -> Encoded {
    frame.deflated(how).unwrap_or(frame)
}
