//! A server without a port.

use std::sync::Arc;

use crate::gateway::StartError;
use crate::hub::Namespace;
use crate::metrics::Counter;
use crate::server::{Server, ServerHandle, StartedServer};
use crate::testing::ConnectBuilder;

/// A started server that is reached in memory. Dropping it tells its sockets that it stops.
#[derive(Debug)]
pub struct TestServer {
    pub(super) server: Arc<StartedServer>,
    handle: ServerHandle,
}

impl Server {
    /// Starts in memory, for tests of handlers.
    ///
    /// # Errors
    ///
    /// [`StartError::Problems`] as [`Server::serve`], before anything can connect.
    pub async fn test(self) -> Result<TestServer, StartError> {
        let handle = self.handle();
        Ok(TestServer { server: self.assemble().await?, handle })
    }
}

impl TestServer {
    /// A client of this path, which may have a query; await it to connect.
    pub fn connect(&self, path: &str) -> ConnectBuilder<'_> {
        ConnectBuilder::new(self, path)
    }

    /// The server as background tasks see it.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// The namespace of this name.
    ///
    /// # Panics
    ///
    /// When [`ServerHandle::of`] says that there is none.
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

    /// Stops as a real server does, and waits until every hook has run.
    pub async fn stop(self) {
        self.handle.shutdown();
        self.handle.stopped().await;
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}
