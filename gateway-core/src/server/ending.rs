//! How a connection ends: the client is told, running handlers end, disconnect hooks run while the rooms are still
//! readable. Everything within a bound.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::dispatch::{Context, Ended, Exception, Refusal, RunHook, drop_quietly};
use crate::server::admission::Admission;
use crate::server::application::Application;
use crate::server::lanes::Lanes;
use crate::server::place::Place;
use crate::server::raw::RawLane;
use crate::session::{DisconnectReason, Outbox, Session};
use crate::socket::Socket;
use crate::telemetry::{Counter, told};
use crate::transport::{Ending, Transport};
use crate::wire::{Disconnect, Outgoing, close_frame};

/// How a connection came to its end.
pub(super) enum End {
    Over(DisconnectReason),
    Refused(Refusal),
}

/// What is left of a connection.
pub(super) struct Remains<T> {
    pub(super) transport: T,
    pub(super) place: Place,
    pub(super) lanes: Lanes,
    pub(super) raw: Option<RawLane>,
    pub(super) admission: Option<Admission>,
    pub(super) admitted: usize,
}

pub(super) async fn finish<T: Transport>(remains: Remains<T>, end: End) {
    let Remains { transport, place, lanes, raw, admission, admitted } = remains;
    let Place { application, route, session, socket } = &place;
    let was_accepted = session.is_accepted();
    // A hook that still runs asks for somebody who is gone.
    drop_quietly(admission);
    let reason = match end {
        End::Over(reason) => {
            if !was_accepted {
                session.outbox.discard();
            }
            reason
        }
        End::Refused(refusal) => refused(application, session, &refusal),
    };
    let ending = last_words(&session.outbox, &reason);
    session.pending.close();
    session.gone.cancel();
    let limits = &application.limits;
    let closing = close(transport, &session.outbox, ending, limits.close_timeout);
    let ended = async {
        drain(&place, lanes, raw, limits.drain_timeout).await;
        for hooks in route.router.gateways[..admitted].iter().rev() {
            for hook in &hooks.disconnect {
                run(hook, application, socket, &reason).await;
            }
        }
    };
    tokio::join!(closing, ended);
    if was_accepted {
        application.shared.counters.add(Counter::Disconnections);
        tracing::debug!(socket = %socket.id(), %reason, "disconnected");
    } else {
        tracing::debug!(socket = %socket.id(), %reason, "not accepted");
    }
}

/// Nothing that was held for the socket is sent: the refusal is the first and last thing its client reads.
fn refused(application: &Application, session: &Session, refusal: &Refusal) -> DisconnectReason {
    application.shared.counters.add(Counter::RefusedConnections);
    let exception = refusal.exception();
    told(&session.id, "connect", exception.code(), exception.hidden_text());
    let nestjs = application.compat.nestjs;
    let data = exception.render(Some(if nestjs { "handleConnection" } else { "connect" }), None, nestjs);
    session.outbox.discard();
    session.outbox.push_last(session.encode(&Outgoing::Refused { data: &data }));
    DisconnectReason::Server(Disconnect::new(refusal.close_code(), close_reason(refusal)))
}

fn close_reason(refusal: &Refusal) -> &'static str {
    match refusal.close_code() {
        crate::CloseCode::CONNECT_TIMEOUT => "connect timeout",
        crate::CloseCode::INTERNAL => "internal error",
        _ => "refused",
    }
}

/// Shuts the outbox behind the close frame.
fn last_words(outbox: &Outbox, reason: &DisconnectReason) -> Ending {
    if matches!(reason, DisconnectReason::TooSlow | DisconnectReason::HeartbeatTimeout) {
        outbox.discard();
    }
    let (told, ending) = match reason {
        // RFC 6455 §5.5.1: a close frame is answered by one, usually with the same code.
        DisconnectReason::Client(close) => (Some(close_frame(close.as_ref())), Ending::Answered),
        DisconnectReason::Lost => (None, Ending::Answered),
        DisconnectReason::Violation(_) => (Some(close_frame(reason.told().as_ref())), Ending::Violated),
        _ => (Some(close_frame(reason.told().as_ref())), Ending::Awaited),
    };
    outbox.end(reason.clone());
    outbox.close(told);
    ending
}

/// Sends what waits, then waits for the peer's side of the close.
async fn close<T: Transport>(mut transport: T, outbox: &Outbox, ending: Ending, within: Duration) {
    let closing = poll_fn(|task| {
        outbox.register(task);
        // Where nothing can be written any more, nothing is left to say.
        let _ = ready!(outbox.poll_write(task, &mut transport));
        transport.poll_close(task, ending)
    });
    // A peer that does not end its side in time is let go of.
    let _ = timeout(within, closing).await;
}

/// Running handlers have seen that their client is gone; they get a bounded time to end.
async fn drain(place: &Place, mut lanes: Lanes, mut raw: Option<RawLane>, within: Duration) {
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

async fn run(hook: &RunHook<Ended>, application: &Application, socket: &Socket, reason: &DisconnectReason) {
    let running = catch_unwind(AssertUnwindSafe(|| hook(&Context::disconnect(&application.services, socket, reason))));
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
    let error = exception.hidden_text().unwrap_or(exception.text());
    tracing::error!(socket = %socket.id(), error, "a disconnect hook failed");
}
