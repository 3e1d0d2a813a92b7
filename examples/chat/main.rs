//! A chat with rooms, and the page to use it: `cargo run --example chat`, then open the address it prints.
//! With `-- --redis redis://127.0.0.1:6379 --addr 127.0.0.1:3001`, and another port each, several of them are one chat.
//!
//! `events.rs` is what goes over the wire, `gateway.rs` what is done about it, `house.rs` what is remembered, and
//! `page.rs` serves `web/`.

mod events;
mod gateway;
mod house;
mod page;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::Path;

use gateway_core::prelude::*;
use gateway_core::socket_io::SocketIo;
use gateway_redis::Redis;

use crate::house::House;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut server = Server::new()
        .provide(House::new())
        .socket_io(socket_io())
        .fallback_fn(page::serve)
        .explorer("/explorer")
        .on_listening(|address| println!("Gatehouse is open at http://{address}/"));
    if let Ok(address) = std::env::var("MONITORING") {
        server = server.monitoring(address);
    }
    gateway_core::contract::main(&server);
    if let Some(url) = argument("--redis") {
        server = server.cluster(Redis::connect(url).await?.pub_sub());
    }
    Ok(server.serve(address()).await?)
}

/// Clients of Socket.IO are in the same rooms. The page at `/socket-io.html` is one of them where `SOCKET_IO_CLIENT` names the
/// folder of npm's client, such as `node_modules/socket.io-client/dist`.
fn socket_io() -> SocketIo {
    const NAME: &str = "socket.io.esm.min.js";
    let file =
        std::env::var_os("SOCKET_IO_CLIENT").and_then(|folder| std::fs::read(Path::new(&folder).join(NAME)).ok());
    match file {
        Some(file) => SocketIo::new().client_bundle(NAME, file),
        None => SocketIo::new(),
    }
}

/// Address from `--addr`, or from the variable `ADDRESS`, as in a container.
fn address() -> String {
    argument("--addr").or_else(|| std::env::var("ADDRESS").ok()).unwrap_or_else(|| "127.0.0.1:3000".to_owned())
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}
