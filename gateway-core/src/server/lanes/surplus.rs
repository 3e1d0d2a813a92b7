//! Events beyond what may wait, or beyond what their handler takes in a time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::dispatch::{Exception, Handler, Rate, Surplus};
use crate::server::lanes::{Held, Lanes};
use crate::server::place::Place;
use crate::telemetry::{self, Counter};
use crate::wire::Envelope;

impl Lanes {
    /// Puts an event behind those that wait, within all bounds.
    pub(super) fn wait(&mut self, place: &Place, handler: Option<&Arc<Handler>>, envelope: Envelope<'_>) {
        if let Some(handler) = handler
            && let Some(queue) = handler.subscription.policy.queue
            && self.waiting.iter().filter(|held| is_for(held, handler)).count() >= queue
        {
            let oldest = match handler.subscription.policy.surplus() {
                Surplus::Refuse | Surplus::DropNewest => None,
                Surplus::DropOldest => self.waiting.iter().position(|held| is_for(held, handler)),
            };
            let Some(oldest) = oldest.and_then(|oldest| self.waiting.remove(oldest)) else {
                return too_many(place, handler, envelope);
            };
            too_many(place, handler, oldest.envelope);
        }
        if self.has_room(place) {
            self.note_wait(place, &envelope);
            let bytes = envelope.len();
            self.waiting.push(Held { envelope: envelope.into_owned(), handler: handler.cloned() }, bytes);
        } else {
            place.count(Counter::Overloads);
            let exception = Exception::framework("overloaded", "too many events wait for their turn");
            Self::refuse(place, envelope, &exception);
        }
    }
}

fn is_for(held: &Held, handler: &Arc<Handler>) -> bool {
    held.handler.as_ref().is_some_and(|other| Arc::ptr_eq(other, handler))
}

fn too_many(place: &Place, handler: &Handler, envelope: Envelope<'_>) {
    let why = |event: &str| {
        let name = telemetry::bounded(event);
        Exception::framework("overloaded", format!("too many `{name}` events wait for their turn"))
    };
    dismiss(place, handler, envelope, Counter::Overloads, why);
}

/// An event that came faster than its handler takes them; the next one may come after `wait`.
pub(super) fn too_fast(place: &Place, handler: &Handler, envelope: Envelope<'_>, rate: Rate, wait: Duration) {
    let why = |event: &str| {
        let name = telemetry::bounded(event);
        rate_limited(format!("at most {rate} for `{name}` events"), wait)
    };
    dismiss(place, handler, envelope, Counter::RateLimited, why);
}

/// What a socket is told that sends more than it may, whatever it sends.
pub(super) fn flooded(place: &Place, events: NonZeroU32, wait: Duration) -> Exception {
    place.count(Counter::RateLimited);
    too_many_events(events, wait)
}

/// The same, for who is no socket yet.
pub(in crate::server) fn too_many_events(events: NonZeroU32, wait: Duration) -> Exception {
    rate_limited(format!("at most {events} events a second"), wait)
}

fn rate_limited(why: String, wait: Duration) -> Exception {
    // A moment too early would be refused once more.
    let retry = wait.as_nanos().div_ceil(1_000_000);
    let details = json!({ "retry_after_ms": u64::try_from(retry).unwrap_or(u64::MAX) });
    Exception::framework("rate_limited", why).with_details(&details)
}

/// Tells the sender, where the handler's policy or the sender asks for that.
fn dismiss(
    place: &Place,
    handler: &Handler,
    envelope: Envelope<'_>,
    counter: Counter,
    why: impl FnOnce(&str) -> Exception,
) {
    if envelope.id.is_none() && handler.subscription.policy.surplus() != Surplus::Refuse {
        place.note_dismissal(&envelope);
        return place.count(Counter::DroppedEvents);
    }
    place.count(counter);
    let exception = why(&envelope.event);
    Lanes::refuse(place, envelope, &exception);
}
