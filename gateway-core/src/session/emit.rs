//! Queueing of events into an outbox, for one socket or for a broadcast. The outbox chooses the form of a frame that its
//! client gets.

use std::sync::Arc;

use crate::metrics::Counter;
use crate::protocol::{Compress, ContentRef, EncodeContext, Encoded, Key, Outgoing, SharedEvent};
use crate::session::outbox::{Delivery, Pushed};
use crate::session::{Leaves, Offset, SendError, Session};

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
        let mut latest = session.outbox.latest_offset().filter(|_| session.format.takes_texts_for_offsets())?;
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
        session.outbox.form_of(shared).clone()
    }
}

/// Events of one socket.
impl Session {
    /// Queues one event, to be written at the end of the sender's batch. An event with an offset is kept for recovery.
    pub(crate) fn emit(
        self: &Arc<Self>,
        event: &str,
        content: ContentRef<'_>,
        mode: EmitMode<'_>,
        offset: Option<Offset>,
    ) -> Result<(), SendError> {
        let encode = |offset: Option<&str>| self.encode(&Outgoing::Event { event, content, offset });
        let Some(offset) = offset else {
            return match mode {
                EmitMode::Event => self.push(encode(None), Delivery::Event),
                EmitMode::LatestOf(key) => self.push_latest(encode(None).into_keyed(&Key::new(event, key))),
                EmitMode::Volatile => self.current().push_volatile(event, content),
            };
        };
        let frame = encode(Some(&offset.to_string()));
        let frame = match mode {
            EmitMode::LatestOf(key) => frame.into_keyed(&Key::new(event, key)),
            EmitMode::Event | EmitMode::Volatile => frame.into_shared(),
        };
        self.push_event(frame, offset)
    }

    fn push_latest(self: &Arc<Self>, frame: Encoded) -> Result<(), SendError> {
        if !frame.is_nothing() {
            let pushed = self.outbox.push_latest(self.outbox.ready(frame), Leaves::ANY)?;
            self.write_after(pushed);
        }
        Ok(())
    }

    fn push_volatile(self: &Arc<Self>, event: &str, content: ContentRef<'_>) -> Result<(), SendError> {
        if self.drops_volatile() {
            return Err(SendError::Full);
        }
        let text = VolatileText::new(self.encode_context(), event, content, Compress::Compressing);
        if let Some(pushed) = text.and_then(|mut text| text.push(self, Leaves::ANY)) {
            self.write_after(pushed?);
            return Ok(());
        }
        self.push(self.encode(&Outgoing::Event { event, content, offset: None }), Delivery::Volatile)
    }

    /// Returns `true` and counts a dropped frame if a volatile event cannot be sent now.
    fn drops_volatile(&self) -> bool {
        let is_unheard = self.outbox.is_unheard();
        if is_unheard {
            self.telemetry.counters.add(Counter::DroppedFrames);
        }
        is_unheard
    }
}

/// Events of a broadcast. The caller marks the queues.
impl Session {
    /// Queues a broadcast and keeps it for recovery in the same step.
    #[inline]
    pub(crate) fn queue_numbered(
        &self,
        shared: &SharedEvent<'_>,
        offset: Offset,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        let sent = self.outbox.compressed_form_of(shared).cloned();
        self.queue_event(shared.frame(self.format).clone(), sent, offset, listed)
    }

    /// Queues a volatile broadcast. `text` is set if the event ends in a text and clients may resume.
    #[inline]
    pub(crate) fn queue_volatile<'a>(
        &self,
        shared: &SharedEvent<'a>,
        text: Option<&mut VolatileText<'a>>,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        if self.drops_volatile() {
            return Err(SendError::Full);
        }
        let pushed = text.and_then(|text| text.push(self, listed));
        pushed
            .unwrap_or_else(|| self.outbox.push_listed(self.outbox.form_of(shared).clone(), Delivery::Volatile, listed))
    }
}
