//! Log lines about the cluster. An engine that is away causes many failures at once: each kind is an event of `tracing` per
//! change of state, and per power of ten of its count in between.

use std::fmt::Display;

use crate::metrics::log::is_power_of_ten;
use crate::metrics::{bounded, cut};

/// Logs that the node takes part in its cluster, at the start or after a loss.
pub(crate) fn cluster_joined(engine: &'static str, address: &str, node: &dyn Display) {
    tracing::info!(engine, address, %node, "the server is connected to its cluster");
}

/// Logs that the engine cannot be reached at the start.
pub(crate) fn cluster_unreachable(engine: &'static str, address: &str, error: &dyn Display) {
    tracing::warn!(engine, address, %error, "the cluster's engine cannot be reached; trying again");
}

/// Logs the loss of the connection to the engine.
pub(crate) fn cluster_lost(engine: &'static str, reason: &str) {
    tracing::warn!(engine, reason = cut(reason), "the connection to the cluster's engine is lost");
}

/// Logs that messages of other nodes are missing after a loss.
pub(crate) fn cluster_gap(engine: &'static str, messages: Option<u64>) {
    tracing::warn!(engine, messages, "messages of other nodes were lost");
}

/// Logs a failure of publishing; the messages are kept.
pub(crate) fn cluster_publish_failed(engine: &'static str, waiting: usize, error: &dyn Display) {
    tracing::warn!(engine, waiting, %error, "messages to other nodes wait: publishing failed");
}

/// Logs a message that reaches this node only. `count` is the number of such messages so far.
pub(crate) fn cluster_not_published(namespace: &str, reason: &'static str, count: u64) {
    if is_power_of_ten(count) {
        tracing::error!(namespace = bounded(namespace), reason, count, "a message was not published to other nodes");
    }
}

/// Logs a message from the engine that cannot be used. `count` is the number of such messages so far.
pub(crate) fn cluster_ignored(reason: &str, count: u64) {
    if is_power_of_ten(count) {
        tracing::warn!(reason = bounded(reason), count, "a message on the cluster's channels was ignored");
    }
}

/// Logs that another node has the id of this one. `count` is the number of such notices so far.
pub(crate) fn cluster_duplicate_id(node: &dyn Display, count: u64) {
    if is_power_of_ten(count) {
        tracing::error!(%node, count, "another server of the cluster has the id of this one");
    }
}

/// Logs a namespace that the engine cannot carry; its socket is refused.
pub(crate) fn cluster_refused_namespace(namespace: &str, error: &dyn Display) {
    tracing::warn!(namespace = bounded(namespace), %error, "the cluster's engine cannot carry a namespace");
}

/// Logs a question that not every node or client has answered in time.
pub(crate) fn cluster_incomplete(namespace: &str, question: &'static str, (nodes, clients): (usize, usize)) {
    tracing::warn!(
        namespace = bounded(namespace),
        question,
        missing_nodes = nodes,
        missing_clients = clients,
        "a question to other nodes was not answered completely"
    );
}

/// Logs that a client came from another node.
pub(crate) fn cluster_session_taken(socket: &dyn Display, missed: usize) {
    tracing::debug!(%socket, missed, "a client resumed that was on another node");
}

/// Logs that a client of this node has resumed on another one.
pub(crate) fn cluster_session_given(socket: &dyn Display) {
    tracing::debug!(%socket, "a session was taken by another node");
}

/// Logs that a client cannot resume; it gets a new socket.
pub(crate) fn cluster_session_missing(namespace: &str, reason: &str) {
    tracing::debug!(namespace = bounded(namespace), reason = cut(reason), "a session cannot be resumed");
}

/// Logs a failed write of a session; it is repeated. `count` is the number of such failures so far.
pub(crate) fn cluster_record_failed(error: &dyn Display, count: u64) {
    if is_power_of_ten(count) {
        tracing::warn!(%error, count, "a session was not written for other nodes; trying again");
    }
}
