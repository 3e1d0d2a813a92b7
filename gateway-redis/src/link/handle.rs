//! The handle of an engine's connections.

use std::fmt;
use std::sync::Arc;

use gateway_core::cluster::ClusterNode;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::connect::{ConnectError, Connector};
use crate::link::keeper::{Keeper, Request};
use crate::link::subscriptions::Change;
use crate::link::{Publisher, PushReceiver, Subscription};

/// Number of requests that may wait for the task that keeps the connections.
const WAITING: usize = 1024;

/// The connections of an engine, kept by a task until the handle is dropped or closed.
pub(crate) struct Link {
    pub(crate) publisher: Publisher,
    requests: mpsc::Sender<Request>,
    closing: CancellationToken,
    closed: CancellationToken,
    _drop: DropGuard,
}

impl Link {
    /// Connects, and spawns the task that keeps the connections.
    pub(crate) async fn open(
        connector: Arc<Connector>,
        node: ClusterNode,
        receiver: Arc<dyn PushReceiver>,
    ) -> Result<Self, ConnectError> {
        let (requests, waiting) = mpsc::channel(WAITING);
        let publisher = Publisher::default();
        let mut keeper = Keeper::new(connector, node, receiver, publisher.clone(), waiting);
        keeper.connect().await?;
        let (closing, closed) = (CancellationToken::new(), CancellationToken::new());
        let (ends, ended) = (closing.clone(), closed.clone());
        tokio::spawn(async move {
            ends.run_until_cancelled_owned(keeper.run()).await;
            ended.cancel();
        });
        Ok(Self { publisher, requests, _drop: closing.clone().drop_guard(), closing, closed })
    }

    /// Subscribes. Returns when the subscriptions are confirmed, or at once while the connection is lost.
    pub(crate) async fn subscribe(&self, subscriptions: impl IntoIterator<Item = Subscription>) {
        self.change(subscriptions.into_iter().map(Change::Add).collect()).await;
    }

    /// Unsubscribes, as [`Link::subscribe`] subscribes.
    pub(crate) async fn unsubscribe(&self, subscriptions: impl IntoIterator<Item = Subscription>) {
        self.change(subscriptions.into_iter().map(Change::Remove).collect()).await;
    }

    async fn change(&self, changes: Vec<Change>) {
        let (done, finished) = oneshot::channel();
        if self.requests.send(Request { changes, done }).await.is_ok() {
            // The task may end first.
            let _ = finished.await;
        }
    }

    /// Closes the connections.
    pub(crate) async fn close(&self) {
        self.closing.cancel();
        self.closed.cancelled().await;
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Link").finish_non_exhaustive()
    }
}
