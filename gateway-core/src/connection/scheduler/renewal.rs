//! New credentials: they take their turn among the events of their socket.

use serde_json::value::RawValue;

use crate::connection::scheduler::events::EventScheduler;
use crate::connection::scheduler::overload;
use crate::connection::socket_context::SocketContext;
use crate::error::Exception;
use crate::protocol::{Envelope, Payload, RENEWAL, RequestId, exceeds_depth};

/// Has new credentials checked, or refuses them unchecked.
#[cold]
pub(in crate::connection) fn renew(
    scheduler: &mut EventScheduler,
    context: &SocketContext,
    auth: &RawValue,
    id: Option<RequestId>,
) {
    let envelope = Envelope { event: RENEWAL.into(), payload: Payload::from_data(Some(auth.get())), id };
    let Some(handler) = &context.route.renewal else {
        let exception = Exception::framework("not_renewable", "no guard of this namespace takes new credentials");
        return refuse(scheduler, context, envelope, exception);
    };
    if exceeds_depth(auth.get(), context.application.limits.json_depth.saturating_sub(1)) {
        let exception = Exception::framework("too_deep", "the credentials are nested too deeply");
        return refuse(scheduler, context, envelope, exception);
    }
    if let Err(flooded) = scheduler.acquire_token(context) {
        return EventScheduler::refuse(context, envelope, &flooded);
    }
    if let Err((rate, wait)) = scheduler.acquire_rate(handler) {
        return overload::too_fast(context, handler, envelope, rate, wait);
    }
    // Started by the turn, as what waited before it.
    overload::queue(scheduler, context, Some(handler), envelope);
}

fn refuse(scheduler: &mut EventScheduler, context: &SocketContext, envelope: Envelope<'_>, exception: Exception) {
    let exception = scheduler.acquire_token(context).err().unwrap_or(exception);
    EventScheduler::refuse(context, envelope, &exception);
}
