//! Events above the limits of a queue or a rate.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::connection::scheduler::events::{EventScheduler, QueuedEvent};
use crate::connection::scheduler::test_log::{note_dismissal, note_wait};
use crate::connection::socket_context::SocketContext;
use crate::error::Exception;
use crate::handler::{EventOverflow, Handler, Rate};
use crate::metrics::{self, Counter};
use crate::protocol::Envelope;

/// Queues an event within all limits.
pub(super) fn queue(
    scheduler: &mut EventScheduler,
    context: &SocketContext,
    handler: Option<&Arc<Handler>>,
    envelope: Envelope<'_>,
) {
    if let Some(handler) = handler
        && let Some(queue) = handler.subscription.policy.queue
        && scheduler.waiting.iter().filter(|held| is_for(held, handler)).count() >= queue
    {
        let oldest = match handler.subscription.policy.surplus() {
            EventOverflow::Refuse | EventOverflow::DropNewest => None,
            EventOverflow::DropOldest => scheduler.waiting.iter().position(|held| is_for(held, handler)),
        };
        let Some(oldest) = oldest.and_then(|oldest| scheduler.waiting.remove(oldest)) else {
            return too_many(context, handler, envelope);
        };
        too_many(context, handler, oldest.envelope);
    }
    if scheduler.has_room(context) {
        note_wait(scheduler, context, &envelope);
        let bytes = envelope.len();
        scheduler.waiting.push(QueuedEvent { envelope: envelope.into_owned(), handler: handler.cloned() }, bytes);
    } else {
        context.count(Counter::Overloads);
        let exception = Exception::framework("overloaded", "too many events wait for their turn");
        EventScheduler::refuse(context, envelope, &exception);
    }
}

fn is_for(held: &QueuedEvent, handler: &Arc<Handler>) -> bool {
    held.handler.as_ref().is_some_and(|other| Arc::ptr_eq(other, handler))
}

fn too_many(context: &SocketContext, handler: &Handler, envelope: Envelope<'_>) {
    let why = |event: &str| {
        let name = metrics::bounded(event);
        Exception::framework("overloaded", format!("too many `{name}` events wait for their turn"))
    };
    dismiss(context, handler, envelope, Counter::Overloads, why);
}

/// Handles an event above its handler's rate; the next one is allowed after `wait`.
pub(super) fn too_fast(context: &SocketContext, handler: &Handler, envelope: Envelope<'_>, rate: Rate, wait: Duration) {
    let why = |event: &str| {
        let name = metrics::bounded(event);
        rate_limited(format!("at most {rate} for `{name}` events"), wait)
    };
    dismiss(context, handler, envelope, Counter::RateLimited, why);
}

/// The exception for a socket above its rate.
pub(super) fn flooded(context: &SocketContext, events: NonZeroU32, wait: Duration) -> Exception {
    context.count(Counter::RateLimited);
    too_many_events(events, wait)
}

/// The exception for a client above its rate that has no socket yet.
pub(in crate::connection) fn too_many_events(events: NonZeroU32, wait: Duration) -> Exception {
    rate_limited(format!("at most {events} events a second"), wait)
}

fn rate_limited(why: String, wait: Duration) -> Exception {
    // Rounded up: a retry too early would be refused again.
    let retry = wait.as_nanos().div_ceil(1_000_000);
    let details = json!({ "retry_after_ms": u64::try_from(retry).unwrap_or(u64::MAX) });
    Exception::framework("rate_limited", why).with_details(&details)
}

/// Answers a dropped event if it is a request or the handler's policy requires it.
fn dismiss(
    context: &SocketContext,
    handler: &Handler,
    envelope: Envelope<'_>,
    counter: Counter,
    why: impl FnOnce(&str) -> Exception,
) {
    if envelope.id.is_none() && handler.subscription.policy.surplus() != EventOverflow::Refuse {
        note_dismissal(context, &envelope);
        return context.count(Counter::DroppedEvents);
    }
    context.count(counter);
    let exception = why(&envelope.event);
    EventScheduler::refuse(context, envelope, &exception);
}
