//! A server that listens, and how it stops.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::server::accept::accept;
use crate::server::banner::Banner;
use crate::server::endpoint::{Listener, LocalAddr};
use crate::server::handle::ServerHandle;
use crate::server::service::GatewayService;
use crate::server::signals::Signals;

/// A server that was started in the background. Dropping it stops the server without waiting.
#[derive(Debug)]
pub struct RunningServer {
    address: LocalAddr,
    service: GatewayService,
    handle: ServerHandle,
    accepting: Vec<JoinHandle<()>>,
}

impl RunningServer {
    pub(crate) fn begin(
        listeners: Vec<Listener>,
        address: LocalAddr,
        service: GatewayService,
        handle: ServerHandle,
    ) -> Self {
        let accept = |listener| tokio::spawn(accept(listener, service.clone()));
        let accepting = listeners.into_iter().map(accept).collect();
        Self { address, service, handle, accepting }
    }

    /// The address it listens on; the first of several.
    #[must_use]
    pub fn local_addr(&self) -> &LocalAddr {
        &self.address
    }

    /// The server as background tasks see it.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Stops: no new connections, running handlers get their time, clients are told 1001, disconnect hooks run.
    pub async fn stop(mut self) {
        self.handle.shutdown();
        for accepting in &mut self.accepting {
            // A task that was cancelled or panicked has stopped too.
            let _ = accepting.await;
        }
        let _ = timeout(self.longest_stop(), self.handle.stopped()).await;
    }

    /// Every part of an end is bounded; together they take no longer than this.
    fn longest_stop(&self) -> Duration {
        let limits = &self.service.application.limits;
        limits.drain_timeout * 2 + limits.close_timeout + limits.handler_timeout
    }

    pub(crate) fn print_banner(&self) {
        print!("{}", Banner { application: &self.service.application, address: &self.address });
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

/// Serves until the process is told to stop; a second signal ends the wait.
pub(crate) async fn until_signal(server: RunningServer, signals: &mut Signals) {
    tokio::select! {
        () = signals.next() => {}
        () = server.handle.stopping() => {}
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.stop() => {}
        () = signals.next() => tracing::warn!("stopped without waiting"),
    }
}
