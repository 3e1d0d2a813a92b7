//! The contract that follows from the signatures of gateways, and its document.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "handlers have the signatures whose contract is told"
)]

mod arguments;
mod chat;
mod documents;
mod events;
mod lenient;
mod types;
