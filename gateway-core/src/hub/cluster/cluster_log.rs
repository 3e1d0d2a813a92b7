//! The part of a node that uses the engine's log: events that wait for their offsets, and records of sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::time::{Instant, sleep};

use crate::hub::EventLog;
use crate::hub::cluster::session_records::SessionRecords;
use crate::hub::cluster::this_node::Cluster;
use crate::protocol::OffsetNumber;
use crate::session::Recovery;
use crate::sync::lock;

/// The events of every namespace that are on their way through the log, and the sessions of this node.
#[derive(Debug)]
pub(crate) struct ClusterLog {
    events: Mutex<HashMap<Arc<str>, Arc<EventLog>>>,
    pub(crate) sessions: SessionRecords,
}

impl ClusterLog {
    pub(super) fn new(recovery: &Recovery) -> Self {
        Self { events: Mutex::default(), sessions: SessionRecords::new(recovery) }
    }

    /// The events of a namespace.
    pub(crate) fn events_of(&self, namespace: &Arc<str>) -> Arc<EventLog> {
        Arc::clone(lock(&self.events).entry(Arc::clone(namespace)).or_default())
    }

    /// Forgets a namespace that has no sockets, unless events of it are on their way.
    pub(crate) fn forget(&self, namespace: &str) {
        let mut events = lock(&self.events);
        if events.get(namespace).is_some_and(|log| log.is_idle()) {
            events.remove(namespace);
        }
    }

    /// Notes that an event of another node was read. Returns its offset, if clients can name it.
    pub(super) fn read(&self, namespace: &Arc<str>, offset: &str) -> Option<OffsetNumber> {
        let offset = OffsetNumber::of_entry(offset)?;
        self.events_of(namespace).read(offset);
        Some(offset)
    }

    pub(super) fn read_back(&self, namespace: &str, offset: &str) {
        let log = lock(&self.events).get(namespace).cloned();
        if let Some(log) = log {
            log.read_back(OffsetNumber::of_entry(offset));
        }
    }

    /// Lets events that were sent before this moment go without offsets. Returns their number.
    pub(super) fn release(&self, before: Instant) -> usize {
        self.logs().iter().map(|log| log.release(before)).sum()
    }

    /// Returns `true` if an event waits for its offset.
    fn is_waiting(&self) -> bool {
        self.logs().iter().any(|log| log.is_waiting())
    }

    fn logs(&self) -> Vec<Arc<EventLog>> {
        lock(&self.events).values().cloned().collect()
    }
}

/// Lets events go whose offsets do not come in time. Runs until the cluster ends.
pub(super) async fn release_overdue(cluster: &Cluster, log: &ClusterLog) {
    // One look serves all events of its time, so that the task is not woken for each.
    let pause = cluster.options.offset_timeout / 4;
    loop {
        tokio::select! {
            () = cluster.log_filled.notified() => {}
            () = cluster.ending.cancelled() => return,
        }
        while log.is_waiting() {
            tokio::select! {
                () = sleep(pause) => {}
                () = cluster.ending.cancelled() => return,
            }
            if let Some(before) = Instant::now().checked_sub(pause * 3) {
                cluster.meter.without_offset.add_many(log.release(before));
            }
        }
    }
}
