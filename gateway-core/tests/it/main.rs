//! Behaviour in memory, on a paused clock. One binary, because linking the crate costs more than most of the tests.
//!
//! A suite with needs of a whole process is a binary of its own in the folder above: a global subscriber, memory that is counted, `Server::new()`
//! (which serves each gateway of its binary), lints, the compiler's messages. Here a server names its gateways, by `Server::empty()`.

mod admin;
mod cluster;
mod config;
mod connections;
mod engine_io;
mod error_traits;
mod event_streams;
mod handlers;
mod lines;
mod metrics;
mod namespaces;
mod protocols;
mod questions;
mod rooms;
mod test_clients;
mod tracing;
mod why_no_reply;

use gateway_core::BroadcastResult;

/// Sockets that took an event, and those that did not.
fn counts(BroadcastResult { queued, skipped, .. }: BroadcastResult) -> (usize, usize) {
    (queued, skipped)
}
