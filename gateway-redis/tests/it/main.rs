//! The engines against a real `redis-server`, which each test starts for itself.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
mod deployments;
mod emitter;
mod failures;
mod node_ids;
mod nodes;
mod pub_sub;
mod redis_process;
mod sessions;
mod sharded;
mod streams;
