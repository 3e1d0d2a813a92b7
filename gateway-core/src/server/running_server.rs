//! The [`RunningServer`]: a server that is listening, and its stop.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::metrics::sum_up;
use crate::server::accept::accept;
use crate::server::banner::Banner;
use crate::server::endpoint::{LocalAddr, Opened};
use crate::server::handle::ServerHandle;
use crate::server::http::service::GatewayService;
use crate::server::monitoring::monitor;
use crate::server::service_manager::{notify_ready, notify_stopping};
use crate::server::signals::{ProcessSignal, Signals};
use crate::transport::Tls;

/// A server running in the background. Dropping it stops the server without waiting.
#[derive(Debug)]
pub struct RunningServer {
    address: LocalAddr,
    /// Addresses for lines, in order.
    lines: Vec<LocalAddr>,
    /// Set if connections to that address use TLS.
    encrypted: bool,
    service: GatewayService,
    handle: ServerHandle,
    accepting: Vec<JoinHandle<()>>,
    /// Certificates reloaded on `SIGHUP`.
    tls: Vec<Tls>,
    monitoring: Option<Monitoring>,
}

/// The health listener.
#[derive(Debug)]
struct Monitoring {
    address: LocalAddr,
    answering: JoinHandle<()>,
}

impl RunningServer {
    pub(crate) fn begin(opened: Opened, service: GatewayService, handle: ServerHandle) -> Self {
        let Opened { listeners, address, lines, monitoring } = opened;
        let encrypted = listeners.first().is_some_and(|listener| listener.tls.is_some());
        let tls = listeners.iter().filter_map(|listener| listener.tls.clone()).collect();
        let accept = |listener| tokio::spawn(accept(listener, service.clone()));
        let accepting = listeners.into_iter().map(accept).collect();
        let monitoring = monitoring.map(|(listener, address)| {
            let answering = tokio::spawn(monitor(listener, handle.clone()));
            Monitoring { address, answering }
        });
        Self { address, lines, encrypted, service, handle, accepting, tls, monitoring }
    }

    /// The address the server listens on; the first of several.
    #[must_use]
    pub fn local_addr(&self) -> &LocalAddr {
        &self.address
    }

    /// The addresses of [`Server::lines`](crate::Server::lines), in the order of the calls.
    #[must_use]
    pub fn lines_addrs(&self) -> &[LocalAddr] {
        &self.lines
    }

    /// The address of [`Server::monitoring`](crate::Server::monitoring).
    #[must_use]
    pub fn monitoring_addr(&self) -> Option<&LocalAddr> {
        self.monitoring.as_ref().map(|monitoring| &monitoring.address)
    }

    /// Returns a handle to the server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Stops gracefully: no new connections are accepted, running handlers get their time, connections are closed with 1001,
    /// and disconnect hooks run.
    pub async fn stop(mut self) {
        self.handle.shutdown();
        for accepting in &mut self.accepting {
            // A cancelled or panicked task has stopped too.
            let _ = accepting.await;
        }
        let _ = timeout(self.longest_stop(), self.handle.stopped()).await;
    }

    /// The sum of the time limits of all steps of a stop.
    fn longest_stop(&self) -> Duration {
        let limits = &self.service.server.application.limits;
        let drain = self.service.server.shared.drain();
        let clients = drain.delay + drain.window + limits.drain_timeout * 3 + limits.close_timeout * 2;
        let cluster = self.service.server.shared.hub.cluster().map_or(Duration::ZERO, |cluster| cluster.longest_stop());
        clients + limits.handler_timeout + cluster
    }

    pub(crate) fn is_encrypted(&self) -> bool {
        !self.tls.is_empty()
    }

    pub(crate) fn print_banner(&self) {
        let Self { service, address, lines, encrypted, .. } = self;
        let monitoring = self.monitoring_addr();
        print!("{}", Banner { server: &service.server, address, lines, monitoring, encrypted: *encrypted });
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        self.handle.shutdown();
        if let Some(monitoring) = &self.monitoring {
            monitoring.answering.abort();
        }
    }
}

/// Serves until a stop signal; a second signal ends the wait for the graceful stop.
pub(crate) async fn until_signal(server: RunningServer, signals: &mut Signals) {
    notify_ready();
    loop {
        tokio::select! {
            told = signals.next() => match told {
                ProcessSignal::Stop => break,
                ProcessSignal::Reload => server.tls.iter().for_each(Tls::try_reload),
            },
            () = server.handle.stopping() => break,
        }
    }
    tracing::info!("stopping");
    notify_stopping();
    tokio::select! {
        () = server.stop() => {}
        () = signals.stop() => tracing::warn!("stopped without waiting"),
    }
    sum_up();
}
