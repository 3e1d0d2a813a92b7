//! Ways to queue an event: for clients that read slowly, and volatile ones for clients that read offsets.

use std::sync::Arc;

use crate::protocol::{Compress, ContentRef, EncodeContext, Encoded, OffsetNumber, Outgoing, SharedEvent};
use crate::session::outbox::{Pushed, Stamp};
use crate::session::{Delivery, Leaves, SendError, Session};

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

/// An event for one socket without an entry in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnloggedEvent<'a> {
    pub(crate) event: &'a str,
    pub(crate) content: ContentRef<'a>,
}

impl UnloggedEvent<'_> {
    /// Queues an answer that has no offset of its own.
    pub(super) fn answer(session: &Arc<Session>, outgoing: &Outgoing<'_>, delivery: Delivery) -> Result<(), SendError> {
        // Without recovery no client looks for an offset.
        if session.recovery.is_none() {
            return session.push(session.encode(outgoing), delivery);
        }
        let event = outgoing.event().filter(|_| session.format.is_numbered(outgoing));
        let event = event.map(|(event, content)| UnloggedEvent { event, content });
        let Some(event) = event.filter(|event| event.is_read_as_offset(session)) else {
            return session.push(session.encode(outgoing), delivery);
        };
        let pushed = event.push(session, delivery, Leaves::ANY)?;
        session.write_after(pushed);
        let [_, other] = session.format.encode_numbered(session.encode_context(), outgoing, "");
        session.push(other, delivery)
    }

    /// Queues the event in the form that `shared` has for all sockets, unless this client would read its end as an offset.
    pub(crate) fn queue(
        self,
        session: &Session,
        shared: &SharedEvent<'_>,
        listed: Leaves,
    ) -> Result<Pushed, SendError> {
        if self.is_read_as_offset(session) {
            return self.push(session, Delivery::Event, listed);
        }
        let frame = session.outbox.form_of(shared).clone();
        if shared.is_keyed() {
            session.outbox.push_latest(frame, listed)
        } else {
            session.outbox.push_listed(frame, Delivery::Event, listed)
        }
    }

    /// Returns `true` if the client reads the end of the event as an offset.
    pub(crate) fn is_read_as_offset(&self, session: &Session) -> bool {
        let is_logged = session.recovery.as_ref().is_some_and(|recovery| recovery.offsets.are_from_log());
        is_logged && session.format.takes_texts_for_offsets() && self.content.ends_in_text()
    }

    /// Queues the event with the offset of the last event before it.
    pub(crate) fn push(self, session: &Session, delivery: Delivery, listed: Leaves) -> Result<Pushed, SendError> {
        session.outbox.push_stamped(self.stamp(session), delivery, listed)
    }

    fn stamp(self, session: &Session) -> Stamp {
        let (format, namespace) = (session.format, Arc::clone(&session.namespace));
        let (event, content) = (self.event.to_owned(), self.content.to_content());
        Box::new(move |latest| {
            let offset = latest.text(format);
            let outgoing = Outgoing::Event { event: &event, content: content.borrowed(), offset: Some(&offset) };
            format.encode(EncodeContext::new(&namespace), &outgoing)
        })
    }
}
