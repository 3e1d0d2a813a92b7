//! An event for many sockets, encoded at most once per wire format.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::protocol::deflate::{Deflating, LARGEST_WINDOW, SMALLEST_WINDOW};
use crate::protocol::{ContentRef, EncodeContext, Encoded, Key, OffsetNumber, Outgoing, WireFormat};

#[derive(Debug)]
pub(crate) struct SharedEvent<'a> {
    encode_context: EncodeContext<'a>,
    event: &'a str,
    content: ContentRef<'a>,
    offset: Option<OffsetNumber>,
    /// The event's key, if it is replaceable.
    key: Option<Arc<Key>>,
    worth: Compress,
    frames: [OnceCell<Encoded>; WireFormat::COUNT],
    /// Compressed forms, created on demand.
    deflated: OnceCell<Box<[ByWindow; WireFormat::COUNT]>>,
}

/// Compressed forms by window; nearly all clients use the same. `None` if compressing does not pay.
type ByWindow = [OnceCell<Option<Encoded>>; (LARGEST_WINDOW - SMALLEST_WINDOW + 1) as usize];

/// The sender's choice about compression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compress {
    Compressing,
    Nothing,
}

impl<'a> SharedEvent<'a> {
    pub(crate) fn new(
        encode_context: EncodeContext<'a>,
        event: &'a str,
        content: ContentRef<'a>,
        offset: Option<OffsetNumber>,
    ) -> Self {
        let (frames, deflated) = Default::default();
        Self { encode_context, event, content, offset, key: None, worth: Compress::Compressing, frames, deflated }
    }

    /// Returns `true` if the event replaces an older one of its key.
    pub(crate) fn is_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// Sets the key of a replaceable event.
    pub(crate) fn with_key(self, key: Arc<Key>) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Sets the sender's choice about compression.
    pub(crate) fn worth(self, worth: Compress) -> Self {
        Self { worth, ..self }
    }

    /// The frame for a socket of this format; cloning it copies no payload.
    #[inline]
    pub(crate) fn frame(&self, format: WireFormat) -> &Encoded {
        self.frames[format as usize].get_or_init(|| self.encode(format))
    }

    /// The compressed frame; uncompressed if compression does not pay.
    pub(crate) fn deflated(&self, format: WireFormat, how: Deflating) -> &Encoded {
        let plain = self.frame(format);
        if self.worth == Compress::Nothing {
            return plain;
        }
        let by_window = &self.deflated.get_or_init(Box::default)[format as usize];
        let deflated = &by_window[usize::from(how.window - SMALLEST_WINDOW)];
        deflated.get_or_init(|| plain.deflated(how)).as_ref().unwrap_or(plain)
    }

    fn encode(&self, format: WireFormat) -> Encoded {
        let offset = self.offset.map(|offset| offset.text(format));
        let outgoing = Outgoing::Event { event: self.event, content: self.content, offset: offset.as_deref() };
        let frame = format.encode(self.encode_context, &outgoing);
        match &self.key {
            None => frame.into_shared(),
            Some(key) => frame.into_keyed(key),
        }
    }
}
