//! The engine and the emitter against a real PostgreSQL, which the tests start themselves. Without an installed one
//! nothing is tested, unless `CI` is set.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attachments;
mod channels;
mod contract;
mod emitter;
mod losses;
mod nodes;
mod servers;
mod start;
mod support;
#[cfg(feature = "tls")]
mod tls;
