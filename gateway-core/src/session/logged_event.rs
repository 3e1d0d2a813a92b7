//! An event that goes through the log of a cluster, encoded at most once per wire format when its offset is known.

use std::sync::Arc;

use crate::protocol::{
    Compress, Content, EncodeContext, Encoded, Key, OffsetNumber, Outgoing, SharedEvent, WireFormat,
};

/// An event whose offset is awaited. Owns its payload: the offset arrives after the sender's call.
#[derive(Debug)]
pub(crate) struct LoggedEvent {
    pub(crate) namespace: Arc<str>,
    pub(crate) event: String,
    pub(crate) content: Content,
    /// The event's key, if it is replaceable.
    pub(crate) key: Option<Arc<Key>>,
    pub(crate) worth: Compress,
}

impl LoggedEvent {
    /// The event for sockets of every format, with its offset.
    pub(crate) fn shared(&self, offset: OffsetNumber) -> SharedEvent<'_> {
        let context = EncodeContext::new(&self.namespace);
        let shared = SharedEvent::new(context, &self.event, self.content.borrowed(), Some(offset)).worth(self.worth);
        match &self.key {
            Some(key) => shared.with_key(Arc::clone(key)),
            None => shared,
        }
    }

    /// The frame without an offset. Where the client would read the end of the event as its offset, it carries that of the last
    /// event before it.
    pub(crate) fn without_offset(&self, format: WireFormat, latest: OffsetNumber) -> Encoded {
        let content = self.content.borrowed();
        let is_read = format.takes_texts_for_offsets() && content.ends_in_text();
        let offset = is_read.then(|| latest.text(format));
        let outgoing = Outgoing::Event { event: &self.event, content, offset: offset.as_deref() };
        format.encode(EncodeContext::new(&self.namespace), &outgoing)
    }

    /// Size in bytes of the payload.
    pub(crate) fn bytes(&self) -> usize {
        self.content.json.len() + self.content.attachments.iter().map(bytes::Bytes::len).sum::<usize>()
    }
}
