//! The way of an event of the log to the sockets of this node.

use std::sync::Arc;

use crate::protocol::SharedEvent;
use crate::session::outbox::AlreadyResumed;
use crate::session::{Leaves, LoggedEvent, Offset, SendError, Session};

/// An event on its way to sockets whose clients can resume.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoggedDelivery<'a>(pub(crate) &'a Arc<LoggedEvent>);

impl LoggedDelivery<'_> {
    /// Keeps a place for the event in the queue of a socket. Returns the session that has it.
    pub(crate) fn hold(self, session: &Arc<Session>, listed: Leaves) -> Result<Arc<Session>, SendError> {
        match session.outbox.hold(self.0, listed) {
            Ok(held) => held.map(|()| Arc::clone(session)),
            Err(AlreadyResumed(_)) => self.hold(&session.resumed_as().ok_or(SendError::Closed)?, listed),
        }
    }

    /// Gives a socket the event with its offset; see [`Outbox::fill`](crate::session::Outbox::fill).
    pub(crate) fn fill(self, session: &Arc<Session>, shared: &SharedEvent<'_>, offset: Offset, is_sent: bool) {
        let frame = session.identified(shared.frame(session.format).clone(), offset);
        let frames = (frame, session.outbox.compressed_form_of(shared).cloned());
        match session.outbox.fill(self.0, frames, offset, is_sent) {
            Ok(pushed) => session.write_after(pushed),
            Err(AlreadyResumed(frame)) => {
                if let Some(resumed_as) = session.resumed_as() {
                    // A failure ends that session.
                    let _ = resumed_as.push_event(frame, offset);
                }
            }
        }
    }

    /// Lets the event go to a socket without its offset.
    pub(crate) fn release(self, session: &Arc<Session>) {
        session.write_after(session.outbox.release(self.0));
    }
}
