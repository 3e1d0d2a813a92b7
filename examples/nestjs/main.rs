//! A NestJS gateway, ported file by file: `cargo run --example nestjs`, then connect socket.io-client to
//! `http://127.0.0.1:3000/rooms` with `auth: { token: 'token-of-ann' }` and `emit('join', { room: 'tea' }, console.log)`.
//!
//! The application it was is in `tests/browser/nest`; docs/from-nestjs.md shows the two side by side. One page runs against both
//! (`tests/browser/migration.test.js`) and sees the same.

mod dto;
mod messages;
mod not_in_room;
mod roles;
mod rooms;
mod signed_in;
mod stamp;
#[cfg(test)]
mod tests;
mod users;
mod validation;

use gateway_core::prelude::*;
use gateway_core::socket_io::{Cors, SocketIo};

use crate::messages::Messages;
use crate::users::Users;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    Server::new()
        .provide(Messages::default())
        .provide(Users::default())
        .socket_io(SocketIo::new().cors(Cors::any()))
        .nestjs_compat(true)
        .serve(address)
        .await
}
