//! The part of an engine that lets clients resume on another node.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::cluster::engine::{EngineError, EngineFuture};
use crate::protocol::cluster::{ClusterMessage, StoredSession};

/// The sessions of all nodes, and the log of their messages, where an [`Engine`](crate::cluster::Engine) keeps both. Private
/// ids name sessions; offsets are those of [`Published::offset`](crate::cluster::Published::offset), in the form of Redis:
/// milliseconds since 1970, `-`, and a number below 4096 within the millisecond. They rise within a namespace.
pub trait RecoveryStore: Send + Sync {
    /// Stores a session in place of an older record. It is forgotten after this time.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn save<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<(), EngineError>>;

    /// Stores a session in place of a record that this node wrote, in one step with the comparison, and keeps it for this time
    /// from now on. `written` holds what the record may be: more than one if an earlier write failed and may have been done all
    /// the same. With `session` among them only the time is renewed. Stores nothing if the record is another, or is none.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn update<'a>(
        &'a self,
        written: &'a [StoredSession],
        session: &'a StoredSession,
        keep: Duration,
    ) -> EngineFuture<'a, Result<RecordState, EngineError>>;

    /// Reads a session without taking it. Returns `None` if there is no record, or an unreadable one.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn find<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>>;

    /// Takes a session: of several nodes that ask for it, one gets it. Returns `None` if there is no record, or an unreadable
    /// one.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn take<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<Option<StoredSession>, EngineError>>;

    /// Deletes a session whose client does not come back.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn forget<'a>(&'a self, private_id: &'a str) -> EngineFuture<'a, Result<(), EngineError>>;

    /// The messages of a namespace after an offset, of all nodes and this one, in their order, a page at a time. Returns `None`
    /// if the log does not have the offset, or not any more: messages may be missing.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn messages_after<'a>(
        &'a self,
        namespace: &'a Arc<str>,
        offset: &'a str,
    ) -> EngineFuture<'a, Result<Option<LogPage>, EngineError>>;
}

/// The record of a session, as a node finds it that wrote it before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RecordState {
    /// The record was the node's own, and is stored.
    Stored,
    /// There is no record: another node has taken the session, or the engine has lost its data.
    Missing,
    /// The record is of another node, which has taken the session.
    OfAnother,
}

/// A part of the log of messages.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPage {
    /// The messages of the namespace, each with its offset.
    pub messages: Vec<(String, ClusterMessage)>,
    /// The offset after which the next page begins: that of the last message, or of one of another namespace.
    pub next: String,
    /// Nothing was behind this page when it was read.
    pub is_last: bool,
}
