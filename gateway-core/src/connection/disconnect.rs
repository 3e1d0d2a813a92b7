//! The end of a socket: its handlers end, and its disconnect hooks run while its rooms are still readable. Every step has a
//! time limit.

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
use crate::hub::Space;
use crate::hub::cluster::Cluster;
use crate::metrics::{Counter, told};
use crate::session::{DisconnectReason, Scope, Session};
use crate::socket::Socket;

/// NestJS's name of a connect hook as a pattern.
pub(super) const FAILED_HOOK: &str = "handleConnection";

/// Ends a socket: running handlers get their time, then the hooks run. If the client can resume, it may do so from now on,
/// even before the future is polled.
pub(super) fn leave(mut driver: SocketDriver, reason: DisconnectReason) -> impl Future<Output = ()> {
    let session = Arc::clone(driver.session());
    let application = Arc::clone(&driver.context.application);
    let resumable = &application.hub.resumable;
    let recovery = application.recovery.as_ref().filter(|_| session.is_away());
    let away_since = recovery.and_then(|recovery| resumable.lose(&session, recovery.sockets));
    if away_since.is_none() {
        resumable.forget(&session);
    }
    if let Some(cluster) = application.hub.cluster() {
        note_end(
            cluster,
            driver.context.socket.space(),
            &session,
            away_since.is_some() || stays_stored(&session, &reason),
        );
    }
    async move {
        end_hooks(&mut driver, &session, &reason).await;
        // A waiter for this end also waits for the earlier ones.
        for end in std::mem::take(&mut driver.after) {
            end.cancelled().await;
        }
        session.end();
        if let (Some(since), Some(recovery)) = (away_since, &application.recovery) {
            tokio::select! {
                () = session.settled() => {
                    if let Some(log) = application.hub.cluster().and_then(|cluster| cluster.log())
                        && session.resumed_as().is_none()
                    {
                        log.sessions.end(&session);
                    }
                }
                () = tokio::time::sleep(recovery.within.saturating_sub(since.elapsed())) => {}
                () = application.stopping.cancelled() => {}
            }
        }
    }
}

/// Returns `true` if the client of a session that ends may resume it on another node.
fn stays_stored(session: &Session, reason: &DisconnectReason) -> bool {
    session.is_accepted() && *reason == DisconnectReason::Shutdown
}

/// Notes the end of a session in its record for other nodes.
fn note_end(cluster: &Cluster, space: &Space, session: &Session, may_come_back: bool) {
    let Some(log) = cluster.log() else { return };
    if may_come_back {
        log.sessions.keep_lost(session, space, cluster.node_id().as_str());
    } else if session.resumed_as().is_none() {
        log.sessions.end(session);
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
    // A running connect hook is dropped, unless queued events wait for its decision.
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
        application.telemetry.counters.add(Counter::Disconnections);
        application.telemetry.counters.labelled.disconnected(reason.kind(), reason.known_code());
        if let Some(feed) = application.telemetry.admin_feed() {
            feed.disconnected(&session.namespace, session.id.as_str(), reason.as_str());
        }
        tracing::debug!(socket = %socket.id(), %reason, "disconnected");
    } else {
        tracing::debug!(socket = %socket.id(), %reason, "not accepted");
    }
}

/// Gives running handlers a limited time to end. After a deliberate disconnect events read before also get it.
async fn drain(driver: &mut SocketDriver) {
    let within = driver.context.application.limits.drain_timeout;
    if timeout(within, poll_fn(|task| poll_drain(driver, task))).await.is_err() {
        driver.scheduler.abandon();
    }
}

fn poll_drain(driver: &mut SocketDriver, task: &mut Task<'_>) -> Poll<()> {
    if let Err(refusal) = driver.admit(task) {
        driver.context.count(Counter::RefusedConnections);
        told(driver.context.socket.id(), "connect", refusal.exception().notice());
        drop_quietly(driver.connect_hooks.take());
        driver.forget_what_waits();
    }
    if driver.connect_hooks.is_some() {
        return Poll::Pending;
    }
    let SocketDriver { context, scheduler, .. } = driver;
    // A stream has no reader any more, and may never end by itself.
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
            application.telemetry.counters.add(Counter::Panics);
            tracing::error!(socket = %socket.id(), "a disconnect hook panicked");
        }
        Err(_) => {
            application.telemetry.counters.add(Counter::Timeouts);
            tracing::warn!(socket = %socket.id(), "a disconnect hook took too long");
        }
    }
}

fn failed(socket: &Socket, exception: &Exception) {
    let error = exception.log_text();
    tracing::error!(socket = %socket.id(), error, "a disconnect hook failed");
}
