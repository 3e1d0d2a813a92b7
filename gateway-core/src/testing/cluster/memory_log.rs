//! The log of a connection in memory, and the sessions that nodes store beside it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::hub::cluster::{EngineError, EngineFuture, LogPage, RecordState, RecoveryStore};
use crate::protocol::cluster::{ClusterMessage, MessageBody, NodeId, StoredSession};
use crate::testing::cluster::memory_engine::MemoryEngine;

/// The time of the first entry, in milliseconds since 1970. Each entry is a millisecond later than the one before.
const FIRST: u64 = 1_767_225_600_000;

/// Number of entries of a page.
const PAGE: usize = 64;

/// Messages of all nodes in their order, and sessions by their private ids.
#[derive(Debug, Default)]
pub(super) struct MemoryLog {
    entries: Vec<MemoryEntry>,
    /// Entries before this one are trimmed: no client resumes from them.
    trimmed: usize,
    sessions: HashMap<String, (StoredSession, Instant)>,
}

/// An entry of the log.
#[derive(Clone, Debug)]
pub(super) struct MemoryEntry {
    pub(super) from: NodeId,
    pub(super) message: ClusterMessage,
}

impl MemoryLog {
    /// Returns `true` for messages that are kept in the log. Questions, answers and server-side events are not.
    pub(super) fn keeps(body: &MessageBody) -> bool {
        match body {
            MessageBody::Broadcast { .. }
            | MessageBody::Join { .. }
            | MessageBody::Leave { .. }
            | MessageBody::Disconnect { .. } => true,
            MessageBody::ServerEvent(_) | MessageBody::Ask { .. } | MessageBody::Answer { .. } => false,
        }
    }

    /// Adds an entry. Returns its place.
    pub(super) fn add(&mut self, from: &NodeId, message: &ClusterMessage) -> usize {
        self.entries.push(MemoryEntry { from: from.clone(), message: message.clone() });
        self.entries.len() - 1
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, place: usize) -> Option<&MemoryEntry> {
        self.entries.get(place)
    }

    /// Removes all entries for clients that resume.
    pub(super) fn trim(&mut self) {
        self.trimmed = self.entries.len();
    }

    fn page_after(&self, namespace: &str, offset: &str) -> Option<LogPage> {
        let place = place_of(offset).filter(|place| (self.trimmed..self.len()).contains(place))?;
        let next = (place + 1 + PAGE).min(self.len());
        let entries = self.entries.iter().enumerate().take(next).skip(place + 1);
        let entries = entries.filter(|(_, entry)| *entry.message.namespace == *namespace);
        let messages = entries.map(|(place, entry)| (offset_of(place), entry.message.clone())).collect();
        Some(LogPage { messages, next: offset_of(next - 1), is_last: next == self.len() })
    }

    fn session(&mut self, private_id: &str) -> Option<&mut (StoredSession, Instant)> {
        self.sessions.retain(|_, (_, until)| *until > Instant::now());
        self.sessions.get_mut(private_id)
    }

    fn update(&mut self, written: &[StoredSession], session: &StoredSession, keep: Duration) -> RecordState {
        match self.session(&session.private_id) {
            None => RecordState::Missing,
            Some((stored, _)) if !written.contains(stored) => RecordState::OfAnother,
            Some(stored) => {
                *stored = (session.clone(), Instant::now() + keep);
                RecordState::Stored
            }
        }
    }
}

/// The offset of the entry at a place.
pub(super) fn offset_of(place: usize) -> String {
    format!("{}-0", FIRST + place as u64)
}

fn place_of(offset: &str) -> Option<usize> {
    let milliseconds: u64 = offset.strip_suffix("-0")?.parse().ok()?;
    usize::try_from(milliseconds.checked_sub(FIRST)?).ok()
}

impl RecoveryStore for MemoryEngine {
    fn save<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<(), EngineError>> {
        self.on_log(move |log| {
            log.sessions.insert(session.private_id.clone(), (session.clone(), Instant::now() + keep));
        })
    }

    fn update<'a>(
        &'a self,
        written: &'a [StoredSession],
        session: &'a StoredSession,
        keep: Duration,
    ) -> EngineFuture<'a, Result<RecordState, EngineError>> {
        self.on_log(move |log| log.update(written, session, keep))
    }

    fn find<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        self.on_log(|log| log.session(private_id).map(|(session, _)| session.clone()))
    }

    fn take<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>> {
        self.on_log(|log| {
            log.session(private_id)?;
            log.sessions.remove(private_id).map(|(session, _)| session)
        })
    }

    fn forget<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<(), EngineError>> {
        self.on_log(|log| drop(log.sessions.remove(private_id)))
    }

    fn messages_after<'a>(
        &'a self,
        namespace: &'a Arc<str>,
        offset: &'a str,
    ) -> EngineFuture<'a, Result<Option<LogPage>, EngineError>> {
        self.on_log(|log| log.page_after(namespace, offset))
    }
}
