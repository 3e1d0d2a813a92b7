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

impl ServerState {
    /// Begins to stop. Clients are closed after the delay.
    pub(crate) fn stop(self: &Arc<Self>) {
        if self.begin_to_stop() {
            return;
        }
        let delay = self.drain().delay;
        match Handle::try_current() {
            Ok(runtime) if !delay.is_zero() => {
                let shared = Arc::clone(self);
                let waiting = async move {
                    sleep(delay).await;
                    shared.halt();
                };
                self.tasks.spawn_on(waiting, &runtime);
            }
            Ok(_) | Err(_) => self.halt(),
        }
    }

    /// Accepts no new clients and asks every connection to end. A later connection checks [`ServerState::is_stopping`].
    fn halt(self: &Arc<Self>) {
        self.stopping.cancel();
        self.tasks.close();
        self.end_cluster();
        let mut sessions: Vec<Arc<Session>> = Vec::new();
        for space in self.hub.spaces() {
            sessions.extend(Target::all(&space).select().iter().cloned());
        }
        let size = self.drain().slice(sessions.len());
        let rest = sessions.split_off(size.min(sessions.len()));
        tell(&sessions);
        match Handle::try_current() {
            Ok(runtime) if !rest.is_empty() || self.is_polled() => {
                self.tasks.spawn_on(Arc::clone(self).go_on(rest, size), &runtime);
            }
            // Without a runtime there is no timer.
            Ok(_) | Err(_) => {
                tell(&rest);
                self.told.cancel();
            }
        }
    }

    /// Leaves the cluster when the last client's task has ended.
    fn end_cluster(&self) {
        let Some(cluster) = self.hub.cluster().map(Arc::clone) else { return };
        match Handle::try_current() {
            Ok(runtime) => {
                let tasks = self.tasks.clone();
                runtime.spawn(async move {
                    tasks.wait().await;
                    cluster.stop().await;
                });
            }
            // Without a runtime the engine cannot be told.
            Err(_) => cluster.abandon(),
        }
    }

    async fn go_on(self: Arc<Self>, sessions: Vec<Arc<Session>>, size: usize) {
        for slice in sessions.chunks(size) {
            sleep(PAUSE).await;
            tell(slice);
        }
        drop(sessions);
        // A polling client receives the close with its next poll, so its connection must stay open until then.
        let patience = self.started().map_or(Duration::ZERO, |server| {
            let limits = &server.application.limits;
            limits.drain_timeout + limits.close_timeout
        });
        let looks = patience.as_millis() / LOOK.as_millis();
        for _ in 0..looks {
            if !self.is_polled() {
                break;
            }
            sleep(LOOK).await;
        }
        self.told.cancel();
    }

    /// Waits until no client may send another request.
    pub(crate) async fn takes_no_request(&self) {
        self.stopping.cancelled().await;
        if self.is_polled() {
            self.told.cancelled().await;
        }
    }

    fn is_polled(&self) -> bool {
        self.started().is_some_and(|server| server.engines.iter().any(EngineIoEndpoint::has_polling))
    }
}

fn tell(sessions: &[Arc<Session>]) {
    for session in sessions {
        session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
    }
}
