//! How one socket ends: its handlers end, and its disconnect hooks run while the rooms are still readable. Everything within
//! a bound.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context as Task, Poll};

use futures_util::FutureExt;
use tokio::time::timeout;

use crate::connection::socket_context::SocketContext;
use crate::connection::socket_driver::SocketDriver;
use crate::error::Exception;
use crate::handler::{Context, Extensions, RunHook, Subject, drop_quietly};
use crate::metrics::{Counter, told};
use crate::session::{DisconnectReason, Scope, Session};
use crate::socket::Socket;

/// What clients of NestJS call the pattern of a connect hook.
pub(super) const FAILED_HOOK: &str = "handleConnection";

/// Ends one socket: what runs gets its time, then the hooks run. Its client is waited for from now on, where it can come
/// back: it may be here again before the future is polled.
pub(super) fn leave(mut driver: SocketDriver, reason: DisconnectReason) -> impl Future<Output = ()> {
    let session = Arc::clone(driver.session());
    let application = Arc::clone(&driver.context.application);
    let resumable = &application.hub.resumable;
    let recovery = application.recovery.as_ref().filter(|_| session.is_away());
    let away_since = recovery.and_then(|recovery| resumable.lose(&session, recovery.sockets));
    if away_since.is_none() {
        resumable.forget(&session);
    }
    async move {
        end_hooks(&mut driver, &session, &reason).await;
        // Whoever waits for the end of this one waits for those before it, too.
        for end in std::mem::take(&mut driver.after) {
            end.cancelled().await;
        }
        session.end();
        if let (Some(since), Some(recovery)) = (away_since, &application.recovery) {
            tokio::select! {
                () = session.settled() => {}
                () = tokio::time::sleep(recovery.within.saturating_sub(since.elapsed())) => {}
                () = application.stopping.cancelled() => {}
            }
        }
    }
}

async fn end_hooks(driver: &mut SocketDriver, session: &Session, reason: &DisconnectReason) {
    session.outbox.end(reason.clone(), Scope::Socket);
    session.pending.close();
    session.gone.cancel();
    let is_goodbye = reason.is_a_goodbye();
    if !is_goodbye {
        driver.forget_what_waits();
    }
    // A hook that still runs asks for somebody who is gone. It goes on where events wait for its yes.
    if !(is_goodbye && driver.has_work()) {
        drop_quietly(driver.connect_hooks.take());
    }
    drain(driver).await;
    drop_quietly(driver.connect_hooks.take());
    let SocketDriver { context, admitted, .. } = driver;
    let SocketContext { application, route, socket, .. } = &*context;
    for hooks in route.router.gateways[..*admitted].iter().rev() {
        for hook in &hooks.disconnect {
            run(hook, context, reason).await;
        }
    }
    if let Some(grants) = &context.grants {
        grants.disown();
    }
    if session.is_accepted() {
        application.counters.add(Counter::Disconnections);
        application.counters.labelled.disconnected(reason.kind(), reason.known_code());
        tracing::debug!(socket = %socket.id(), %reason, "disconnected");
    } else {
        tracing::debug!(socket = %socket.id(), %reason, "not accepted");
    }
}

/// Running handlers have seen that their client is gone; they get a bounded time to end. What was read before a goodbye gets
/// the same.
async fn drain(driver: &mut SocketDriver) {
    let within = driver.context.application.limits.drain_timeout;
    if timeout(within, poll_fn(|task| poll_drain(driver, task))).await.is_err() {
        driver.scheduler.abandon();
    }
}

fn poll_drain(driver: &mut SocketDriver, task: &mut Task<'_>) -> Poll<()> {
    if let Err(refusal) = driver.admit(task) {
        driver.context.count(Counter::RefusedConnections);
        told(driver.context.socket.id(), "connect", refusal.exception().told());
        drop_quietly(driver.connect_hooks.take());
        driver.forget_what_waits();
    }
    if driver.connect_hooks.is_some() {
        return Poll::Pending;
    }
    let SocketDriver { context, scheduler, .. } = driver;
    // Nobody reads a stream's items, and it need not ever end by itself.
    scheduler.end_streams();
    while scheduler.poll(context, task) {
        scheduler.end_streams();
    }
    if driver.has_work() { Poll::Pending } else { Poll::Ready(()) }
}

async fn run(hook: &RunHook<Result<(), Exception>>, context: &SocketContext, reason: &DisconnectReason) {
    let SocketContext { application, socket, .. } = context;
    let running = catch_unwind(AssertUnwindSafe(|| {
        hook(&Context::new(context.scope(), Subject::Disconnect(reason), &Extensions::default()))
    }));
    let outcome = match running {
        Ok(running) => {
            timeout(application.limits.handler_timeout, AssertUnwindSafe(running.outcome()).catch_unwind()).await
        }
        Err(panic) => Ok(Err(panic)),
    };
    match outcome {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(exception))) => failed(socket, &exception),
        Ok(Err(_)) => {
            application.counters.add(Counter::Panics);
            tracing::error!(socket = %socket.id(), "a disconnect hook panicked");
        }
        Err(_) => {
            application.counters.add(Counter::Timeouts);
            tracing::warn!(socket = %socket.id(), "a disconnect hook took too long");
        }
    }
}

fn failed(socket: &Socket, exception: &Exception) {
    let error = exception.log_text();
    tracing::error!(socket = %socket.id(), error, "a disconnect hook failed");
}
