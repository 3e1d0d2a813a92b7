//! New credentials: they take their turn among the events of their socket.

use std::task::Context as Task;

use serde_json::value::RawValue;

use crate::connection::scheduler::events::EventScheduler;
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
    task: &mut Task<'_>,
) {
    let envelope = Envelope { event: RENEWAL.into(), payload: Payload::from_data(Some(auth.get())), id };
    let refusal = if context.route.renewal.is_none() {
        Some(Exception::framework("not_renewable", "no guard of this namespace takes new credentials"))
    } else if exceeds_depth(auth.get(), context.application.limits.json_depth.saturating_sub(1)) {
        Some(Exception::framework("too_deep", "the credentials are nested too deeply"))
    } else {
        None
    };
    match refusal {
        Some(exception) => {
            let exception = scheduler.acquire_token(context).err().unwrap_or(exception);
            EventScheduler::refuse(context, envelope, &exception);
        }
        None => scheduler.admit(context, context.route.renewal.as_ref(), envelope, task),
    }
}
