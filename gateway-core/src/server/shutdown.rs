//! The graceful stop: no new clients are accepted, and connected clients are closed in batches.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::connection::PAUSE;
use crate::hub::Target;
use crate::server::engine_io::EngineIoEndpoint;
use crate::server::state::ServerState;
use crate::session::{DisconnectReason, Scope, Session};

/// Interval of checks for clients that still poll.
const LOOK: Duration = Duration::from_millis(50);

/// Begins to stop. Clients are closed after the delay.
pub(crate) fn stop(server: &Arc<ServerState>) {
    if server.begin_to_stop() {
        return;
    }
    let delay = server.drain().delay;
    match Handle::try_current() {
        Ok(runtime) if !delay.is_zero() => {
            let shared = Arc::clone(server);
            let waiting = async move {
                sleep(delay).await;
                halt(&shared);
            };
            server.tasks.spawn_on(waiting, &runtime);
        }
        Ok(_) | Err(_) => halt(server),
    }
}

/// Accepts no new clients and asks every connection to end. A later connection checks [`ServerState::is_stopping`].
fn halt(server: &Arc<ServerState>) {
    server.stopping.cancel();
    server.tasks.close();
    let mut sessions: Vec<Arc<Session>> = Vec::new();
    for space in server.hub.spaces() {
        sessions.extend(Target::all(&space).select().iter().cloned());
    }
    let size = server.drain().slice(sessions.len());
    let rest = sessions.split_off(size.min(sessions.len()));
    announce(&sessions);
    match Handle::try_current() {
        Ok(runtime) if !rest.is_empty() || is_polled(server) => {
            server.tasks.spawn_on(go_on(Arc::clone(server), rest, size), &runtime);
        }
        // Without a runtime there is no timer.
        Ok(_) | Err(_) => {
            announce(&rest);
            server.told.cancel();
        }
    }
    end_cluster(server);
}

/// Leaves the cluster when the last client's task has ended.
fn end_cluster(server: &ServerState) {
    let Some(cluster) = server.hub.cluster().map(Arc::clone) else { return };
    match Handle::try_current() {
        Ok(runtime) => {
            let tasks = server.tasks.clone();
            runtime.spawn(async move {
                tasks.wait().await;
                cluster.stop().await;
            });
        }
        // Without a runtime the engine cannot be told.
        Err(_) => cluster.abandon(),
    }
}

async fn go_on(server: Arc<ServerState>, sessions: Vec<Arc<Session>>, size: usize) {
    for slice in sessions.chunks(size) {
        sleep(PAUSE).await;
        announce(slice);
    }
    drop(sessions);
    // A polling client receives the close with its next poll, so its connection must stay open until then.
    let patience = server.started().map_or(Duration::ZERO, |started| {
        let limits = &started.application.limits;
        limits.drain_timeout + limits.close_timeout
    });
    let looks = patience.as_millis() / LOOK.as_millis();
    for _ in 0..looks {
        if !is_polled(&server) {
            break;
        }
        sleep(LOOK).await;
    }
    server.told.cancel();
}

/// Waits until no client may send another request.
pub(crate) async fn takes_no_request(server: &ServerState) {
    server.stopping.cancelled().await;
    if is_polled(server) {
        server.told.cancelled().await;
    }
}

fn is_polled(server: &ServerState) -> bool {
    server.started().is_some_and(|started| started.engines.iter().any(EngineIoEndpoint::has_polling))
}

fn announce(sessions: &[Arc<Session>]) {
    for session in sessions {
        session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
    }
}
