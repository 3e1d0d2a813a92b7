//! Compressed frames for a client that has agreed to them. They are made before the lock is taken; what is kept for a client
//! that resumes stays plain, as its next connection may agree to nothing.

use std::sync::atomic::Ordering;

use crate::protocol::{Deflating, Encoded};
use crate::session::outbox::Outbox;

impl Outbox {
    /// Messages are compressed from now on.
    pub(crate) fn deflate(&self, how: Deflating) {
        let _ = self.deflating.set(how);
        self.deflates.store(true, Ordering::Relaxed);
    }

    /// Compression of the messages, if they are compressed.
    #[inline]
    pub(crate) fn deflating(&self) -> Option<Deflating> {
        if cfg!(feature = "deflate") && self.deflates.load(Ordering::Relaxed) {
            self.deflating.get().copied()
        } else {
            None
        }
    }

    /// The frame as it goes out.
    #[inline]
    pub(crate) fn ready(&self, frame: Encoded) -> Encoded {
        match self.deflating() {
            None => frame,
            Some(how) => frame.deflated(how).unwrap_or(frame),
        }
    }
}
