//! The guard in a server in memory, with keys of every kind.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod issuer;
mod refusals;
mod rotation;
mod sockets;
mod urls;
