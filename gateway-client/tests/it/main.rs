//! Clients and real servers, in memory on a paused clock and on ports.

#![allow(clippy::unwrap_used, clippy::unused_self, reason = "a test fails by panicking, and handlers are methods")]

#[cfg(feature = "tls")]
mod certificates;
mod faults;
mod hostile;
mod lines;
mod memory;
mod messages;
mod ports;
mod reconnect;
mod renewal;
