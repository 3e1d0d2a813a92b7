//! A server stops: nobody new is taken, and who is here is told, slice by slice.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::connection::PAUSE;
use crate::hub::Target;
use crate::server::engine_io::Engine;
use crate::server::state::ServerState;
use crate::session::{DisconnectReason, Scope, Session};

/// From one look at who still polls to the next.
const LOOK: Duration = Duration::from_millis(50);

impl ServerState {
    /// Begins to stop. Nobody is told before the delay is over.
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

    /// Takes nobody new, and tells every connection to end. One that enters later sees [`ServerState::is_stopping`].
    fn halt(self: &Arc<Self>) {
        self.stopping.cancel();
        self.tasks.close();
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
            // Without a runtime nobody could wait.
            Ok(_) | Err(_) => {
                tell(&rest);
                self.told.cancel();
            }
        }
    }

    async fn go_on(self: Arc<Self>, sessions: Vec<Arc<Session>>, size: usize) {
        for slice in sessions.chunks(size) {
            sleep(PAUSE).await;
            tell(slice);
        }
        drop(sessions);
        // A client that polls is told by the answer to its next poll, for which its connection must live that long.
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

    /// Waits until no client is left that may still ask something.
    pub(crate) async fn takes_no_request(&self) {
        self.stopping.cancelled().await;
        if self.is_polled() {
            self.told.cancelled().await;
        }
    }

    fn is_polled(&self) -> bool {
        self.started().is_some_and(|server| server.engines.iter().any(Engine::has_polling))
    }
}

fn tell(sessions: &[Arc<Session>]) {
    for session in sessions {
        session.outbox.end(DisconnectReason::Shutdown, Scope::Connection);
    }
}
