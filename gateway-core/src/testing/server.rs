//! A server in memory, without a port.

use std::sync::Arc;

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio_util::sync::CancellationToken;

use crate::gateway::StartError;
use crate::hub::Namespace;
use crate::metrics::Counter;
use crate::server::{GatewayService, Server, ServerHandle, StartedServer, serve_lines};
use crate::testing::{ConnectBuilder, EventStreamBuilder};
use crate::transport::CertificateSlot;

/// Bytes in flight in one direction of a connection in memory.
const IN_FLIGHT: usize = 64 * 1024;

/// A started server that clients connect to in memory. Dropping it begins a stop.
///
/// With the feature `contract`, a drop panics if a typed event was sent that its gateway does not name in `emits(…)`.
#[derive(Debug)]
pub struct TestServer {
    pub(super) server: Arc<StartedServer>,
    handle: ServerHandle,
    /// Cancelled when the connections have to break.
    pub(super) killed: CancellationToken,
}

impl Server {
    /// Starts the server in memory, for tests of handlers.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`], as from [`Server::serve`].
    pub async fn test(self) -> Result<TestServer, StartError> {
        let handle = self.handle();
        Ok(TestServer { server: self.assemble().await?, handle, killed: CancellationToken::new() })
    }
}

impl TestServer {
    /// Returns a builder of a client for this path, which may have a query. Await the builder to connect.
    pub fn connect(&self, path: &str) -> ConnectBuilder<'_> {
        ConnectBuilder::new(self, path)
    }

    /// Returns a builder of a client for this path over lines, as [`Server::lines`] serves them. Await the builder to connect.
    pub fn connect_tcp(&self, path: &str) -> ConnectBuilder<'_> {
        ConnectBuilder::new(self, path).over_lines()
    }

    /// Opens a connection of lines byte for byte, for clients that misbehave: the server reads what is written to the stream,
    /// from the first line on.
    #[must_use]
    pub fn tcp(&self) -> DuplexStream {
        let (client, mut near) = duplex(IN_FLIGHT);
        let (mut far, stream) = duplex(IN_FLIGHT);
        let network = async move { copy_bidirectional(&mut near, &mut far).await };
        tokio::spawn(self.killed.clone().run_until_cancelled_owned(network));
        serve_lines(stream, None, CertificateSlot::default(), &self.server);
        client
    }

    /// Returns a builder of a client that listens to this path by server-sent events, as an `EventSource` does. The server
    /// needs [`Server::server_sent_events`]. Await the builder to connect.
    pub fn connect_sse(&self, path: &str) -> EventStreamBuilder {
        EventStreamBuilder::new(self.service(), path)
    }

    /// Returns a handle to the server.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Returns the server as a service, for HTTP requests in memory.
    #[must_use]
    pub fn service(&self) -> GatewayService {
        GatewayService::new(Arc::clone(&self.server), None)
    }

    /// Returns the namespace with this name.
    ///
    /// # Panics
    ///
    /// When [`ServerHandle::of`] returns an error.
    #[must_use]
    #[track_caller]
    pub fn of(&self, namespace: impl AsRef<str>) -> Namespace {
        self.handle.of(namespace).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The value of one counter.
    #[must_use]
    pub fn count(&self, counter: Counter) -> u64 {
        self.handle.count(counter)
    }

    /// Fails the test that sent an event which its gateway does not name.
    #[cfg(feature = "contract")]
    fn refuse_unlisted_events(&self) {
        let unlisted = self.server.shared.hub.unlisted.list(true);
        if let Some(event) = unlisted.first()
            && !std::thread::panicking()
        {
            panic!("{event} is not among the events that its gateway names: add it to `#[gateway(emits(…))]`");
        }
    }

    /// Breaks all connections, and those that are made later.
    pub(super) fn kill(&self) {
        self.killed.cancel();
    }

    /// Stops the server gracefully and waits until every hook has run.
    pub async fn stop(self) {
        self.handle.shutdown();
        self.handle.stopped().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if !self.killed.is_cancelled() {
            self.handle.shutdown();
        }
        #[cfg(feature = "contract")]
        self.refuse_unlisted_events();
    }
}
