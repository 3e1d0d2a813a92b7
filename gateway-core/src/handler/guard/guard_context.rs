//! The [`GuardContext`]: a guard's view of an event, a message, a new socket or a room.

use std::fmt;
use std::ops::Deref;

use crate::handler::context::{Context, Subject};
use crate::handler::guard::guard_point::GuardPoint;
use crate::protocol::Message;

/// The context of a guard: the [`Context`] to check, and the guard point.
#[derive(Clone, Copy)]
pub struct GuardContext<'a> {
    point: GuardPoint,
    context: &'a Context<'a>,
}

impl<'a> GuardContext<'a> {
    pub(crate) fn new(point: GuardPoint, context: &'a Context<'a>) -> Self {
        Self { point, context }
    }

    /// The point at which the guard runs.
    #[must_use]
    pub fn point(&self) -> GuardPoint {
        self.point
    }

    /// The name of the namespace, with the values of its parameters.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.context.handshake().path()
    }

    /// The whole message to a raw gateway; `None` otherwise.
    #[must_use]
    pub fn message(&self) -> Option<&Message> {
        match self.context.subject() {
            Subject::Message(message) => Some(message),
            Subject::Nothing
            | Subject::Upgrade(_)
            | Subject::Event(_)
            | Subject::Taken(_)
            | Subject::Room(_)
            | Subject::Renewal(_)
            | Subject::Disconnect(_) => None,
        }
    }

    /// The room that the socket is about to join; `None` at other points.
    #[must_use]
    pub fn room(&self) -> Option<&str> {
        match self.context.subject() {
            Subject::Room(room) => Some(room),
            Subject::Nothing
            | Subject::Upgrade(_)
            | Subject::Event(_)
            | Subject::Message(_)
            | Subject::Taken(_)
            | Subject::Renewal(_)
            | Subject::Disconnect(_) => None,
        }
    }
}

impl<'a> Deref for GuardContext<'a> {
    type Target = Context<'a>;

    fn deref(&self) -> &Context<'a> {
        self.context
    }
}

impl fmt::Debug for GuardContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("GuardContext")
            .field("point", &self.point)
            .field("namespace", &self.namespace())
            .field("event", &self.event())
            .field("room", &self.room())
            .finish_non_exhaustive()
    }
}
