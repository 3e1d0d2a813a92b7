//! The task that hands messages to the engine, in their order.

use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::hub::cluster::engine::{EngineError, Published};
use crate::hub::cluster::queue::MessageNote;
use crate::hub::cluster::this_node::{Cluster, Connection};
use crate::metrics::{cluster_not_published, cluster_publish_failed};
use crate::protocol::cluster::ClusterMessage;

/// Maximum number of messages handed to the engine at once.
const BATCH: usize = 128;

/// Time after which a failed batch is tried again, if the engine has reported no change meanwhile.
const RETRY: Duration = Duration::from_secs(1);

/// Messages taken out of the queue and not published yet.
#[derive(Default)]
struct Unpublished {
    messages: Vec<ClusterMessage>,
    notes: Vec<MessageNote>,
}

/// Publishes until the cluster ends.
pub(super) async fn publish_all(cluster: &Cluster) {
    let mut unpublished = Unpublished::default();
    let mut connection = cluster.watch_connection();
    let publishing = async {
        loop {
            cluster.queue.take(&mut unpublished.messages, &mut unpublished.notes, BATCH);
            if unpublished.messages.is_empty() {
                cluster.queue.filled().await;
            } else {
                unpublished.publish(cluster, &mut connection).await;
            }
        }
    };
    // One wait for the end, and not one for each message.
    let _: Option<Infallible> = cluster.ending.run_until_cancelled(publishing).await;
}

impl Unpublished {
    async fn publish(&mut self, cluster: &Cluster, connection: &mut watch::Receiver<Connection>) {
        connection.mark_unchanged();
        match cluster.engine.publish(&self.messages).await {
            Ok(published) => self.remove(cluster, self.messages.len(), &published),
            Err(error) => {
                self.remove(cluster, error.published().min(self.messages.len()), &[]);
                self.report(cluster, &error);
                // The engine may report the loss only after this failure.
                tokio::select! {
                    _ = connection.changed() => {}
                    () = sleep(RETRY) => {}
                }
                let _ = connection.wait_for(|connection| connection.is_up).await;
            }
        }
    }

    /// Removes the first messages, which are published.
    fn remove(&mut self, cluster: &Cluster, count: usize, published: &[Published]) {
        let now = Instant::now();
        for note in &self.notes[..count] {
            cluster.meter.delay.observe(now.duration_since(note.since));
        }
        for (note, published) in self.notes.iter().zip(published) {
            if let Some(fate) = &note.fate {
                fate.settle(published);
            }
        }
        cluster.queue.free(&self.notes[..count]);
        let dropped = published.iter().zip(&self.messages).filter(|(published, _)| published.dropped);
        let mut dropped_count = 0;
        for (_, message) in dropped {
            dropped_count += 1;
            cluster.meter.too_large.add();
            cluster_not_published(&message.namespace, "the engine cannot carry it", cluster.meter.too_large.read());
        }
        cluster.meter.published.add_many(count - dropped_count);
        self.messages.drain(..count);
        self.notes.drain(..count);
    }

    fn report(&self, cluster: &Cluster, error: &EngineError) {
        cluster_publish_failed(cluster.engine.name(), self.messages.len(), error);
    }
}
