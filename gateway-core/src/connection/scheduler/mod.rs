//! Which event of a socket runs when: queues, concurrency, overload, rates.

pub(crate) mod event_queue;
pub(crate) mod events;
mod invocation;
pub(crate) mod overload;
mod pipeline;
pub(crate) mod rate_limit;
pub(crate) mod raw;
pub(crate) mod renewal;
mod test_log;

use std::fmt;
use std::task::Context as Task;

use tokio::time::Instant;

use crate::connection::scheduler::events::EventScheduler;
use crate::connection::scheduler::raw::RawScheduler;
use crate::connection::socket_context::SocketContext;
use crate::error::Exception;
use crate::gateway::Route;

/// Scheduler of one socket.
pub(super) enum Scheduler {
    Events(EventScheduler),
    /// Whole messages of a raw gateway.
    Raw(RawScheduler),
}

impl Scheduler {
    pub(super) fn new(route: &Route) -> Self {
        match route.router.raw() {
            Some(_) => Self::Raw(RawScheduler::default()),
            None => Self::Events(EventScheduler::default()),
        }
    }

    /// Lets queued events start after the connect hooks have accepted.
    pub(super) fn open(&mut self) {
        match self {
            Self::Events(events) => events.open(),
            Self::Raw(raw) => raw.open(),
        }
    }

    /// Polls all work. Returns `true` if there was progress.
    #[inline]
    pub(super) fn poll(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        match self {
            Self::Events(events) => events.poll(context, task),
            Self::Raw(raw) => raw.poll(context, task),
        }
    }

    /// Counts the events of this turn in one step.
    #[inline]
    pub(super) fn count(&mut self, context: &SocketContext) {
        match self {
            Self::Events(events) => events.count(context),
            Self::Raw(_) => {}
        }
    }

    /// Ends every handler past its deadline.
    pub(super) fn expire(&mut self, context: &SocketContext, now: Instant) {
        match self {
            Self::Events(events) => events.expire(context, now),
            Self::Raw(raw) => raw.expire(context, now),
        }
    }

    /// Takes a token for a message of the socket; `Err` with the answer if the rate is exceeded.
    pub(super) fn acquire_token(&mut self, context: &SocketContext) -> Result<(), Exception> {
        match self {
            Self::Events(events) => events.acquire_token(context),
            Self::Raw(_) => Ok(()),
        }
    }

    /// Drops queued events after a disconnect.
    pub(super) fn forget_waiting(&mut self) {
        match self {
            Self::Events(events) => events.forget_waiting_events(),
            Self::Raw(raw) => raw.forget_waiting_messages(),
        }
    }

    /// Ends all streams when the server stops, because a stream may never end by itself.
    pub(super) fn end_streams(&mut self) {
        match self {
            Self::Events(events) => events.end_streams(),
            Self::Raw(_) => {}
        }
    }

    /// Drops all running handlers; their responders answer the requests.
    pub(super) fn abandon(&mut self) {
        match self {
            Self::Events(events) => events.abandon(),
            Self::Raw(_) => {}
        }
    }

    #[inline]
    pub(super) fn is_raw(&self) -> bool {
        matches!(self, Self::Raw(_))
    }

    #[inline]
    pub(super) fn has_room(&self, context: &SocketContext) -> bool {
        match self {
            Self::Events(events) => events.has_room(context),
            Self::Raw(raw) => raw.has_room(context),
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        match self {
            Self::Events(events) => events.is_idle(),
            Self::Raw(raw) => raw.is_idle(),
        }
    }

    /// The earliest deadline of a running handler.
    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Events(events) => events.deadline(),
            Self::Raw(raw) => raw.deadline(),
        }
    }
}

impl fmt::Debug for Scheduler {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Events(events) => events.fmt(formatter),
            Self::Raw(raw) => raw.fmt(formatter),
        }
    }
}
