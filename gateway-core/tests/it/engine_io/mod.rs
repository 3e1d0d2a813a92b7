//! Engine.IO 4 over HTTP, in memory: a raw gateway that echoes, reached by requests and WebSockets that may misbehave.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod advisories;
mod back_pressure;
mod handshake;
mod heartbeat;
mod options;
mod polling;
mod support;
mod upgrade;
mod volatile;
