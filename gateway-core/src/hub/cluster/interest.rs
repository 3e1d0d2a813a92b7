//! Namespaces and rooms that may have to be entered or given up at the engine.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Notify, watch};

use crate::sync::lock;

/// Names that changed since the last look. One task looks at each of them and tells the engine; a name that changes twice
/// before is looked at once.
#[derive(Debug)]
pub(crate) struct Interest {
    table: Mutex<InterestTable>,
    changed: Notify,
    /// Number of finished rounds.
    done: watch::Sender<u64>,
}

/// Changed namespaces, each with its changed rooms.
pub(super) type Changes = HashMap<Arc<str>, HashSet<Arc<str>>>;

#[derive(Debug, Default)]
struct InterestTable {
    /// Changes for the next round.
    next: Changes,
    /// Changes of the running round.
    running: Changes,
    /// Number of rounds that have begun.
    begun: u64,
}

impl Interest {
    pub(super) fn new() -> Self {
        Self { table: Mutex::default(), changed: Notify::new(), done: watch::Sender::new(0) }
    }

    /// Notes that a namespace was created or dropped, or that these rooms of it got their first member or lost their last.
    pub(crate) fn mark(&self, namespace: &Arc<str>, rooms: impl IntoIterator<Item = Arc<str>>) {
        self.lock().next.entry(Arc::clone(namespace)).or_default().extend(rooms);
        self.changed.notify_one();
    }

    /// Number of rounds after which the engine knows of this room, or of the namespace without a room; `None` if the engine
    /// knows already.
    pub(super) fn round_of(&self, namespace: &str, room: Option<&str>) -> Option<u64> {
        let table = self.lock();
        let is_in = |changes: &Changes| {
            changes.get(namespace).is_some_and(|rooms| room.is_none_or(|room| rooms.contains(room)))
        };
        if is_in(&table.next) { Some(table.begun + 1) } else { is_in(&table.running).then_some(table.begun) }
    }

    /// Completes when this number of rounds is finished.
    pub(super) async fn finished(&self, round: u64) {
        // The sender lives as long as this value.
        let _ = self.done.subscribe().wait_for(|done| *done >= round).await;
    }

    /// Completes when something has changed.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Begins a round. Returns its changes.
    pub(super) fn begin(&self) -> Changes {
        let mut table = self.lock();
        table.begun += 1;
        let changes = std::mem::take(&mut table.next);
        table.running.clone_from(&changes);
        changes
    }

    /// Ends the running round.
    pub(super) fn end(&self) {
        let mut table = self.lock();
        table.running = Changes::new();
        let done = table.begun;
        drop(table);
        self.done.send_replace(done);
    }

    fn lock(&self) -> MutexGuard<'_, InterestTable> {
        lock(&self.table)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_change_is_awaited_until_the_round_that_looks_at_it_ends() {
        let interest = Interest::new();
        let (chat, room): (Arc<str>, Arc<str>) = ("/chat".into(), "general".into());
        assert_eq!(interest.round_of("/chat", None), None);
        interest.mark(&chat, [Arc::clone(&room)]);
        assert_eq!(interest.round_of("/chat", Some("general")), Some(1));
        assert_eq!(interest.begin(), Changes::from([(Arc::clone(&chat), HashSet::from([Arc::clone(&room)]))]));
        assert_eq!(interest.round_of("/chat", Some("general")), Some(1));
        assert_eq!(interest.round_of("/chat", Some("other")), None);
        interest.mark(&chat, [Arc::clone(&room)]);
        assert_eq!(interest.round_of("/chat", Some("general")), Some(2));
        interest.end();
        assert_eq!((interest.finished(1).now_or_never(), interest.finished(2).now_or_never()), (Some(()), None));
        interest.begin();
        interest.end();
        assert_eq!(interest.finished(2).now_or_never(), Some(()));
        assert_eq!(interest.round_of("/chat", Some("general")), None);
    }
}
