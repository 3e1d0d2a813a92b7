//! Options of a cluster.

use std::time::Duration;

use crate::options::options;

options! {
    /// Limits of a server in a cluster, and its behaviour if the engine is away at the start; see
    /// [`Server::cluster_options`](crate::Server::cluster_options).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use gateway_core::cluster::{ClusterOptions, EngineAbsence};
    ///
    /// let options = ClusterOptions::new().request_timeout(Duration::from_secs(2)).at_start(EngineAbsence::Wait);
    /// ```
    pub struct ClusterOptions {
        /// Sets the time in which other nodes answer a question such as `fetch_sockets`. What came until then is the result,
        /// marked incomplete. Default 5 s, as in Socket.IO's adapters.
        request_timeout: Duration = Duration::from_secs(5),
        /// Sets the longest time that [`Socket::join`](crate::Socket::join) waits until the engine routes the room's messages
        /// to this node. Used with engines that route by room. Default 2 s.
        join_timeout: Duration = Duration::from_secs(2),
        /// Sets the number of messages that may wait for the engine. Above it a broadcast reaches this node only; see
        /// [`BroadcastResult::not_published`](crate::BroadcastResult::not_published). Default 10 000.
        queue_messages: usize = 10_000,
        /// Sets the bytes of messages that may wait for the engine, by an estimate of their size. Default 16 MiB.
        queue_bytes: usize = 16 * 1024 * 1024,
        /// Sets the largest message in bytes, by an estimate of its size. A larger one is not published, and one from another
        /// node is ignored; both are logged and counted. Answers to questions are bounded by the queue alone. Default 4 MiB.
        message_bytes: usize = 4 * 1024 * 1024,
        /// Sets the longest time that an event waits for its offset, with recovery and an engine that keeps a log. An event that
        /// has none by then goes to this server's clients without it. Default 1 s.
        offset_timeout: Duration = Duration::from_secs(1),
        /// Sets the behaviour if the engine cannot be reached when the server starts. Default [`EngineAbsence::Fail`].
        at_start: EngineAbsence = EngineAbsence::Fail,
    }
}

/// Behaviour of a server whose engine cannot be reached when the server starts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[cfg_attr(feature = "config", derive(serde::Deserialize, serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum EngineAbsence {
    /// The start fails with [`StartError::Cluster`](crate::StartError::Cluster).
    Fail,
    /// The start waits for the engine; no port opens meanwhile.
    Wait,
    /// The server starts without the other nodes and joins them when the engine can be reached.
    StartAlone,
}

#[cfg(feature = "config")]
crate::options::setting::setting!(EngineAbsence);
