//! Which event of a socket runs when: queues, concurrency, overload, rates.

pub(crate) mod event_queue;
pub(crate) mod events;
mod invocation;
pub(crate) mod overload;
mod pipeline;
pub(crate) mod rate_limit;
pub(crate) mod raw;
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

    /// The connect hooks have accepted: what waits may start.
    pub(super) fn open(&mut self) {
        match self {
            Self::Events(events) => events.open(),
            Self::Raw(raw) => raw.open(),
        }
    }

    /// Lets everything go on as far as it can. Says whether anything happened.
    #[inline]
    pub(super) fn poll(&mut self, context: &SocketContext, task: &mut Task<'_>) -> bool {
        match self {
            Self::Events(events) => events.poll(context, task),
            Self::Raw(raw) => raw.poll(context, task),
        }
    }

    /// Counts what this turn handled, once for all of it.
    #[inline]
    pub(super) fn count(&mut self, context: &SocketContext) {
        match self {
            Self::Events(events) => events.count(context),
            Self::Raw(_) => {}
        }
    }

    /// Ends every handler that has had its time.
    pub(super) fn expire(&mut self, context: &SocketContext, now: Instant) {
        match self {
            Self::Events(events) => events.expire(context, now),
            Self::Raw(raw) => raw.expire(context, now),
        }
    }

    /// Takes one of the messages that the socket may send in a second; `Err` with what to answer where there is none.
    pub(super) fn take_token(&mut self, context: &SocketContext) -> Result<(), Exception> {
        match self {
            Self::Events(events) => events.take_token(context),
            Self::Raw(_) => Ok(()),
        }
    }

    /// The client is gone: what was not started is not started.
    pub(super) fn forget_waiting(&mut self) {
        match self {
            Self::Events(events) => events.forget_waiting_events(),
            Self::Raw(raw) => raw.forget_waiting_messages(),
        }
    }

    /// A stream need not ever end by itself, so a server that stops does not wait for it.
    pub(super) fn end_streams(&mut self) {
        match self {
            Self::Events(events) => events.end_streams(),
            Self::Raw(_) => {}
        }
    }

    /// Lets go of everything that still runs and owes an answer.
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

    /// Time at which the first running handler has had its time.
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
