//! How one socket ends: its handlers end, and its disconnect hooks run while the rooms are still readable. Everything within
//! a bound.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::dispatch::{Context, Ended, Exception, RunHook, drop_quietly};
use crate::server::lanes::Lanes;
use crate::server::place::Place;
use crate::server::raw::RawLane;
use crate::server::seat::Seat;
use crate::session::{DisconnectReason, Scope, Session};
use crate::socket::Socket;
use crate::telemetry::Counter;

/// What clients of NestJS call the pattern of a connect hook.
pub(super) const FAILED_HOOK: &str = "handleConnection";

/// Ends one socket: what runs gets its time, then the hooks run. Its client is waited for from now on, where it can come
/// back: it may be here again before the future is polled.
pub(super) fn leave(mut seat: Seat, reason: DisconnectReason) -> impl Future<Output = ()> {
    let session = Arc::clone(seat.session());
    let application = Arc::clone(&seat.place.application);
    let found = application.recovery.as_ref().filter(|_| session.is_away());
    let found = found.and_then(|recovery| application.shared.hub.lost.wait_for(&session, recovery.sockets));
    async move {
        end_hooks(&mut seat, &session, &reason).await;
        if let (Some(found), Some(recovery)) = (found, &application.recovery) {
            tokio::select! {
                () = found.cancelled() => {}
                () = tokio::time::sleep(recovery.within) => {}
                () = application.shared.stopping.cancelled() => {}
            }
            application.shared.hub.lost.give_up(&session);
        }
    }
}

async fn end_hooks(seat: &mut Seat, session: &Arc<Session>, reason: &DisconnectReason) {
    let was_accepted = session.is_accepted();
    // A hook that still runs asks for somebody who is gone.
    drop_quietly(seat.admission.take());
    session.outbox.end(reason.clone(), Scope::Socket);
    session.pending.close();
    session.gone.cancel();
    let Seat { place, lanes, raw, admitted, .. } = seat;
    let Place { application, route, socket, .. } = &*place;
    drain(place, lanes, raw.as_mut(), application.limits.drain_timeout).await;
    for hooks in route.router.gateways[..*admitted].iter().rev() {
        for hook in &hooks.disconnect {
            run(hook, place, reason).await;
        }
    }
    if let Some(passes) = &place.passes {
        passes.disown();
    }
    if was_accepted {
        application.shared.counters.add(Counter::Disconnections);
        application.shared.counters.tallies.disconnected(reason.kind(), reason.known_code());
        tracing::debug!(socket = %socket.id(), %reason, "disconnected");
    } else {
        tracing::debug!(socket = %socket.id(), %reason, "not accepted");
    }
}

/// Running handlers have seen that their client is gone; they get a bounded time to end.
async fn drain(place: &Place, lanes: &mut Lanes, mut raw: Option<&mut RawLane>, within: Duration) {
    lanes.forget_waiting_events();
    if let Some(raw) = &mut raw {
        raw.forget_waiting_messages();
    }
    let done = poll_fn(|task| {
        while lanes.poll(place, task) {}
        let raw_is_idle = raw.as_mut().is_none_or(|raw| {
            raw.poll(place, task);
            raw.is_idle()
        });
        if lanes.is_idle() && raw_is_idle { Poll::Ready(()) } else { Poll::Pending }
    });
    if timeout(within, done).await.is_err() {
        lanes.abandon();
    }
}

async fn run(hook: &RunHook<Ended>, place: &Place, reason: &DisconnectReason) {
    let Place { application, socket, passes, .. } = place;
    let running = catch_unwind(AssertUnwindSafe(|| {
        hook(&Context::disconnect(&application.services, socket, reason).with_passes(passes.as_deref()))
    }));
    let outcome = match running {
        Ok(running) => {
            timeout(application.limits.handler_timeout, AssertUnwindSafe(running.outcome()).catch_unwind()).await
        }
        Err(panic) => Ok(Err(panic)),
    };
    match outcome {
        Ok(Ok(Ended(Ok(())))) => {}
        Ok(Ok(Ended(Err(exception)))) => failed(socket, &exception),
        Ok(Err(_)) => {
            application.shared.counters.add(Counter::Panics);
            tracing::error!(socket = %socket.id(), "a disconnect hook panicked");
        }
        Err(_) => {
            application.shared.counters.add(Counter::Timeouts);
            tracing::warn!(socket = %socket.id(), "a disconnect hook took too long");
        }
    }
}

fn failed(socket: &Socket, exception: &Exception) {
    let error = exception.log_text();
    tracing::error!(socket = %socket.id(), error, "a disconnect hook failed");
}
