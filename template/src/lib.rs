//! A chat in rooms: `chat.rs` has its gateway, `events.rs` what goes over the wire, `auth.rs` who may connect, and `settings.rs`
//! what an operator decides.

pub mod auth;
pub mod chat;
pub mod events;
pub mod settings;

use gateway_core::prelude::*;

use crate::auth::Tokens;

/// The server with its gateways and services, before it listens.
pub fn server(tokens: Tokens) -> Server {
    Server::new().provide(tokens)
}
