//! The part of an engine that lets clients resume on another node.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::cluster::engine::{EngineError, EngineFuture};
use crate::protocol::cluster::{ClusterMessage, StoredSession};

/// The sessions of all nodes, and the log of their messages, where an [`Engine`](crate::cluster::Engine) keeps both. Private
/// ids name sessions; offsets are those of [`Published::offset`](crate::cluster::Published::offset).
pub trait RecoveryStore: Send + Sync {
    /// Stores a session in place of an older record. It is forgotten after this time.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn save<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<(), EngineError>>;

    /// Stores a session that is stored already, and keeps it for this time from now on. Returns `false`, and stores nothing, if
    /// there is no record: another node has taken the session.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn update<'a>(&'a self, session: &'a StoredSession, keep: Duration) -> EngineFuture<'a, Result<bool, EngineError>>;

    /// Keeps a session for this time from now on. Returns `false` if there is no record: another node has taken the session.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the engine is away.
    fn renew<'a>(&'a self, private_id: &'a str, keep: Duration) -> EngineFuture<'a, Result<bool, EngineError>>;

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
