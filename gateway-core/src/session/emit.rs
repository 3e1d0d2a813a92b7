//! Ways to queue an event: for clients that read slowly, and volatile ones for clients that read offsets.

use crate::protocol::{Compress, ContentRef, EncodeContext, Encoded, OffsetNumber, SharedEvent};
use crate::session::outbox::Pushed;
use crate::session::{Leaves, SendError, Session};

/// Treatment of an event if its client reads slowly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum EmitMode<'a> {
    /// Queued behind earlier frames.
    Event,
    /// Replaces an older event of its name and this key that is still queued.
    LatestOf(&'a str),
    /// Written at once or dropped.
    Volatile,
}

/// A volatile event that ends in a text, for clients that read the last text of every event as its offset. It also carries
/// the offset of the last numbered event, so that its own text is not read as one. Encoded once per last offset.
#[derive(Debug)]
pub(crate) struct VolatileText<'a> {
    encode_context: EncodeContext<'a>,
    event: &'a str,
    content: ContentRef<'a>,
    worth: Compress,
    latest: Option<(OffsetNumber, SharedEvent<'a>)>,
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
        let mut latest = session.outbox.latest_offset().filter(|_| session.format.takes_texts_for_offsets())?;
        loop {
            match session.outbox.push_behind(latest, self.frame(session, latest), listed) {
                Ok(pushed) => return Some(pushed),
                Err(later) => latest = later,
            }
        }
    }

    fn frame(&mut self, session: &Session, latest: OffsetNumber) -> Encoded {
        let Self { encode_context, event, content, worth, .. } = *self;
        let encode = || (latest, SharedEvent::new(encode_context, event, content, Some(latest)).worth(worth));
        let (_, shared) = match self.latest.take() {
            Some(same) if same.0 == latest => self.latest.insert(same),
            Some(_) | None => self.latest.insert(encode()),
        };
        session.outbox.form_of(shared).clone()
    }
}
