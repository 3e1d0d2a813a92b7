//! Records of this node's sessions in the engine's store: written when a session changes, so that its client comes back to
//! another node also after this one was killed.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::hub::cluster::engine::EngineError;
use crate::hub::cluster::recovery::{RecordState, RecoveryStore};
use crate::hub::cluster::this_node::Cluster;
use crate::metrics::{cluster_record_failed, cluster_session_given};
use crate::protocol::cluster::StoredSession;
use crate::session::{Recovery, Session, SocketId};
use crate::sync::lock;

/// Shortest time between two writes of a record.
const PAUSE: Duration = Duration::from_millis(100);

/// Pause after a failed write.
const RETRY: Duration = Duration::from_secs(1);

/// Interval of checks whether another node has taken a session whose client is away.
const CHECK: Duration = Duration::from_secs(10);

/// Maximum number of records that are written at the same time.
const BATCH: usize = 128;

/// Maximum number of records that a failed write may have left; then the record is overwritten.
const MOST_WRITTEN: usize = 4;

/// The namespace of sessions, which describes them for their records.
pub(crate) trait RecordSource: fmt::Debug + Send + Sync {
    /// Describes a session for other nodes.
    fn describe(&self, session: &Session, node: &str) -> StoredSession;
    /// Returns `true` if the session is in the namespace.
    fn has_session(&self, session: &Session) -> bool;
}

/// The sessions whose records this node keeps, by their keys.
#[derive(Debug)]
pub(crate) struct SessionRecords {
    table: Mutex<RecordTable>,
    /// Notified when a record becomes due.
    changed: Notify,
    /// Notified when no write is due.
    idle: Notify,
    within: Duration,
}

#[derive(Debug, Default)]
struct RecordTable {
    entries: HashMap<SocketId, RecordEntry>,
    /// The time at which each record is due; entries whose time has changed since are skipped.
    due: BinaryHeap<Reverse<(Instant, SocketId)>>,
    /// Number of records with unwritten changes.
    unwritten: usize,
}

#[derive(Debug)]
struct RecordEntry {
    session: Weak<Session>,
    source: Weak<dyn RecordSource>,
    /// What the record in the store may be.
    written: Vec<StoredSession>,
    /// The session at the loss of its client's connection.
    lost: Option<LostSession>,
    change: RecordChange,
    due: Instant,
    last_write: Option<Instant>,
}

#[derive(Clone, Debug)]
struct LostSession {
    stored: StoredSession,
    until: Instant,
}

/// What has to be written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum RecordChange {
    /// Only the time of the record is renewed.
    Nothing,
    Changed,
    /// The record is deleted.
    Ended,
}

/// One write to the store.
#[derive(Debug)]
struct RecordWrite {
    key: SocketId,
    written: Vec<StoredSession>,
    /// `None` deletes the record.
    session: Option<StoredSession>,
    keep: Duration,
    is_away: bool,
}

impl SessionRecords {
    pub(super) fn new(recovery: &Recovery) -> Self {
        Self { table: Mutex::default(), changed: Notify::new(), idle: Notify::new(), within: recovery.within }
    }

    /// Notes that a session was accepted.
    pub(crate) fn keep(&self, session: &Arc<Session>, source: &Arc<dyn RecordSource>) {
        let Some(key) = session.recovery_key() else { return };
        let mut table = self.lock();
        let entry = table.entry(key);
        (entry.session, entry.source, entry.lost) = (Arc::downgrade(session), Arc::downgrade(source), None);
        table.change(key, RecordChange::Changed);
        drop(table);
        self.changed.notify_one();
    }

    /// Notes that a session was taken over from another node, which has removed its record. What this node wrote of it before is
    /// past.
    pub(crate) fn take(&self, session: &Arc<Session>, source: &Arc<dyn RecordSource>) {
        if let Some(key) = session.recovery_key() {
            self.lock().remove(key);
        }
        self.keep(session, source);
    }

    /// Notes that the rooms or the data of a session have changed, if its record is kept.
    pub(crate) fn touch(&self, session: &Session) {
        let Some(key) = session.recovery_key() else { return };
        let mut table = self.lock();
        if table.entries.contains_key(key) {
            table.change(key, RecordChange::Changed);
            drop(table);
            self.changed.notify_one();
        }
    }

    /// Notes that the client has lost its connection and may come back, to this node or to another.
    pub(crate) fn keep_lost(&self, session: &Session, source: &dyn RecordSource, node: &str) {
        let Some(key) = session.recovery_key() else { return };
        let mut table = self.lock();
        if !table.has(key, session) {
            return;
        }
        let until = Instant::now() + self.within;
        table.entry(key).lost = Some(LostSession { stored: source.describe(session, node), until });
        table.change(key, RecordChange::Changed);
        // The client may be on its way to another node.
        table.set_due(key, Instant::now());
        drop(table);
        self.changed.notify_one();
    }

    /// Notes that the client does not come back: the record is deleted.
    pub(crate) fn end(&self, session: &Session) {
        let Some(key) = session.recovery_key() else { return };
        let mut table = self.lock();
        if table.has(key, session) {
            table.change(key, RecordChange::Ended);
            table.set_due(key, Instant::now());
            drop(table);
            self.changed.notify_one();
        }
    }

    /// Returns `true` if this node has written a record of the session.
    pub(crate) fn is_written(&self, key: &str) -> bool {
        self.lock().entries.get(key).is_some_and(|entry| !entry.written.is_empty())
    }

    /// Completes when every change is written.
    pub(super) async fn written(&self) {
        loop {
            let idle = self.idle.notified();
            if self.lock().unwritten == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Time for which the record of a connected client is kept: a node may be killed right before it is renewed.
    fn keep_connected(&self) -> Duration {
        self.within + self.renewal() * 2
    }

    fn renewal(&self) -> Duration {
        (self.within / 2).max(CHECK)
    }

    fn lock(&self) -> MutexGuard<'_, RecordTable> {
        lock(&self.table)
    }
}

/// Writes records until the cluster ends.
pub(super) async fn write_records(cluster: &Cluster, records: &SessionRecords) {
    let Some(store) = cluster.engine.recovery() else { return };
    loop {
        let (writes, next) = records.begin(cluster.node_id().as_str());
        if writes.is_empty() {
            records.idle.notify_waiters();
            let next = next.unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
            tokio::select! {
                () = records.changed.notified() => {}
                () = sleep_until(next) => {}
                () = cluster.ending.cancelled() => return,
            }
            continue;
        }
        let done = join_all(writes.iter().map(|write| write.run(store)));
        let results = tokio::select! {
            results = done => results,
            () = cluster.ending.cancelled() => return,
        };
        for (write, result) in writes.into_iter().zip(results) {
            records.finish(cluster, write, result);
        }
    }
}

impl SessionRecords {
    /// The writes that are due, and the time of the next one.
    fn begin(&self, node: &str) -> (Vec<RecordWrite>, Option<Instant>) {
        let now = Instant::now();
        let mut table = self.lock();
        let RecordTable { entries, due: queue, unwritten } = &mut *table;
        let mut writes = Vec::new();
        while writes.len() < BATCH
            && queue.peek().is_some_and(|Reverse((due, _))| *due <= now)
            && let Some(Reverse((due, key))) = queue.pop()
        {
            let Some(entry) = entries.get_mut(&key).filter(|entry| entry.due == due) else { continue };
            if let Some(write) = entry.write(&key, node, now, self.keep_connected()) {
                // What changes from here on is the next write.
                let was_changed = std::mem::replace(&mut entry.change, RecordChange::Nothing);
                entry.last_write = Some(now);
                entry.due = now + if write.is_away { CHECK } else { self.renewal() };
                *unwritten -= usize::from(was_changed != RecordChange::Nothing);
                queue.push(Reverse((entry.due, key)));
                writes.push(write);
            } else {
                // The session is gone, and its time is over.
                let entry = entries.remove(&key);
                *unwritten -= usize::from(entry.is_some_and(|entry| entry.change != RecordChange::Nothing));
            }
        }
        *unwritten += writes.len();
        let next = queue.peek().map(|Reverse((due, _))| *due);
        (writes, next)
    }

    fn finish(&self, cluster: &Cluster, write: RecordWrite, result: Result<RecordState, EngineError>) {
        let RecordWrite { key, session, is_away, .. } = write;
        let mut table = self.lock();
        table.unwritten -= 1;
        let Some(entry) = table.entries.get_mut(&key) else { return };
        match (result, session) {
            (Ok(_), None) => {
                if entry.change != RecordChange::Changed {
                    table.remove(&key);
                }
            }
            (Ok(RecordState::Stored), Some(session)) => entry.written = vec![session],
            (Ok(RecordState::Missing), Some(_)) if !is_away => {
                // The engine may have lost its data. Where another node has taken the session, its record follows.
                entry.written.clear();
                table.change(&key, RecordChange::Changed);
            }
            (Ok(RecordState::Missing | RecordState::OfAnother), Some(_)) => {
                let session = entry.session.upgrade();
                table.remove(&key);
                drop(table);
                if let Some(session) = session {
                    cluster.meter.given_sessions.add();
                    cluster_session_given(&session.id);
                    session.retire();
                }
            }
            (Err(error), session) => {
                cluster.meter.failed_records.add();
                cluster_record_failed(&error, cluster.meter.failed_records.read());
                if entry.change == RecordChange::Nothing {
                    entry.change = if session.is_none() { RecordChange::Ended } else { RecordChange::Changed };
                    table.unwritten += 1;
                }
                let Some(entry) = table.entries.get_mut(&key) else { return };
                if let Some(session) = session.filter(|session| !entry.written.contains(session)) {
                    entry.written.push(session);
                }
                if entry.written.len() > MOST_WRITTEN {
                    entry.written.clear();
                }
                table.set_due(&key, Instant::now() + RETRY);
            }
        }
    }
}

impl RecordTable {
    /// Returns `true` if the record is that of this session, and not of a later one of its client.
    fn has(&self, key: &SocketId, session: &Session) -> bool {
        self.entries.get(key).is_some_and(|entry| std::ptr::eq(entry.session.as_ptr(), session))
    }

    fn entry(&mut self, key: &SocketId) -> &mut RecordEntry {
        self.entries.entry(key.clone()).or_insert_with(|| RecordEntry {
            session: Weak::new(),
            source: Weak::<NoSource>::new(),
            written: Vec::new(),
            lost: None,
            change: RecordChange::Nothing,
            due: Instant::now(),
            last_write: None,
        })
    }

    fn remove(&mut self, key: &SocketId) {
        if let Some(entry) = self.entries.remove(key) {
            self.unwritten -= usize::from(entry.change != RecordChange::Nothing);
        }
    }

    /// Notes a change. It is written at once, or soon after the last write.
    fn change(&mut self, key: &SocketId, change: RecordChange) {
        let Some(entry) = self.entries.get_mut(key) else { return };
        let is_first = entry.change == RecordChange::Nothing;
        entry.change = change;
        if is_first {
            self.unwritten += 1;
            let now = Instant::now();
            let due = entry.last_write.map_or(now, |last| now.max(last + PAUSE));
            self.set_due(key, due);
        }
    }

    fn set_due(&mut self, key: &SocketId, due: Instant) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.due = due;
            self.due.push(Reverse((due, key.clone())));
        }
    }
}

impl RecordEntry {
    /// The write that is due; `None` if there is nothing to write about any more.
    fn write(&self, key: &SocketId, node: &str, now: Instant, keep_connected: Duration) -> Option<RecordWrite> {
        let write = |session, keep, is_away| RecordWrite {
            key: key.clone(),
            written: self.written.clone(),
            session,
            keep,
            is_away,
        };
        if self.change == RecordChange::Ended {
            return Some(write(None, Duration::ZERO, false));
        }
        let here = self.session.upgrade().zip(self.source.upgrade());
        let here = here.filter(|(session, source)| source.has_session(session));
        let current = here.map(|(session, source)| source.describe(&session, node));
        match &self.lost {
            None => current.map(|session| write(Some(session), keep_connected, false)),
            Some(LostSession { stored, until }) => {
                let keep = until.checked_duration_since(now).filter(|keep| !keep.is_zero())?;
                Some(write(Some(current.unwrap_or_else(|| stored.clone())), keep, true))
            }
        }
    }
}

impl RecordWrite {
    async fn run(&self, store: &dyn RecoveryStore) -> Result<RecordState, EngineError> {
        match &self.session {
            None => store.forget(self.key.as_str()).await.map(|()| RecordState::Stored),
            Some(session) if self.written.is_empty() => {
                store.save(session, self.keep).await.map(|()| RecordState::Stored)
            }
            Some(session) => store.update(&self.written, session, self.keep).await,
        }
    }
}

/// The source of an entry that is being made.
#[derive(Debug)]
enum NoSource {}

impl RecordSource for NoSource {
    fn describe(&self, _: &Session, _: &str) -> StoredSession {
        match *self {}
    }

    fn has_session(&self, _: &Session) -> bool {
        match *self {}
    }
}
