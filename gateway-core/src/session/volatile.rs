//! Volatile events for clients that read the last text of every event as its offset. A volatile event that ends in a text
//! also carries the offset of the last numbered event, so that its own text is not read as an offset.

use std::sync::Arc;

use crate::protocol::{Compress, ContentRef, EncodeContext, Encoded, SharedEvent};
use crate::session::outbox::Pushed;
use crate::session::{Leaves, SendError, Session};

/// A volatile event that ends in a text, encoded once per last offset of its recipients.
#[derive(Debug)]
pub(crate) struct VolatileText<'a> {
    encode_context: EncodeContext<'a>,
    event: &'a str,
    content: ContentRef<'a>,
    worth: Compress,
    latest: Option<(u64, SharedEvent<'a>)>,
}

impl<'a> VolatileText<'a> {
    /// Returns `None` if no client would read the event's end as an offset.
    pub(crate) fn new(
        encode_context: EncodeContext<'a>,
        event: &'a str,
        content: ContentRef<'a>,
        worth: Compress,
    ) -> Option<Self> {
        content.ends_in_text().then_some(Self { encode_context, event, content, worth, latest: None })
    }

    /// Queues the event; the caller marks the queue. `None` if this client does not read texts as offsets.
    pub(crate) fn push(&mut self, session: &Session, listed: Leaves) -> Option<Result<Pushed, SendError>> {
        let mut latest = session.outbox.latest_offset().filter(|_| session.outbox.format.takes_texts_for_offsets())?;
        loop {
            match session.outbox.push_behind(latest, self.frame(session, latest), listed) {
                Ok(pushed) => return Some(pushed),
                Err(later) => latest = later,
            }
        }
    }

    fn frame(&mut self, session: &Session, latest: u64) -> Encoded {
        let Self { encode_context, event, content, worth, .. } = *self;
        let encode =
            || (latest, SharedEvent::new(encode_context, event, content, Some(latest.to_string())).worth(worth));
        let (_, shared) = match self.latest.take() {
            Some(same) if same.0 == latest => self.latest.insert(same),
            Some(_) | None => self.latest.insert(encode()),
        };
        match session.outbox.deflating() {
            None => shared.frame(session.outbox.format).clone(),
            Some(how) => shared.deflated(session.outbox.format, how).clone(),
        }
    }
}

impl Session {
    /// Queues a volatile event that ends in a text. Returns `false` if this client does not read texts as offsets.
    pub(crate) fn push_text(self: &Arc<Self>, event: &mut VolatileText<'_>) -> Result<bool, SendError> {
        let Some(pushed) = event.push(self, Leaves::ANY) else { return Ok(false) };
        self.write_after(pushed?);
        Ok(true)
    }
}
