//! Compressed frames for a client that has agreed to them. They are made before the lock is taken; what is kept for a client
//! that resumes stays plain, as its next connection may agree to nothing.

use std::sync::atomic::Ordering;

use crate::protocol::{Deflating, Encoded, SharedEvent};
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

    /// The frame as it goes out.
    #[inline]
    pub(crate) fn ready(&self, frame: Encoded) -> Encoded {
        match self.deflating() {
            None => frame,
            Some(how) => frame.deflated(how).unwrap_or(frame),
        }
    }
}
