//! A chat with rooms, and the page to use it: `cargo run --example chat`, then open the address it prints.
//!
//! `events.rs` is what goes over the wire, `gateway.rs` what is done about it, `house.rs` what is remembered, and
//! `page.rs` serves `web/`. `/socket-io.html` is the same page over npm socket.io-client, in the same rooms; its bundle is
//! read from the file that `SOCKET_IO_CLIENT` names, or from where the browser's tests have installed it.

mod events;
mod gateway;
mod house;
mod page;
#[cfg(test)]
mod tests;

use gateway_core::SocketIo;
use gateway_core::prelude::*;

use crate::house::House;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    Server::new()
        .provide(House::new())
        .socket_io(socket_io())
        .fallback_fn(page::serve)
        .on_listening(|address| println!("Gatehouse is open at http://{address}/"))
        .serve(address())
        .await
}

/// Socket.IO as it is by default, with the client for the page where there is one.
fn socket_io() -> SocketIo {
    let installed =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/browser/node_modules/socket.io-client/dist/socket.io.min.js");
    let bundle = std::env::var("SOCKET_IO_CLIENT").unwrap_or_else(|_| installed.to_owned());
    match std::fs::read(bundle) {
        Ok(bundle) => SocketIo::new().client_bundle("socket.io.min.js", bundle),
        Err(_) => SocketIo::new(),
    }
}

/// What follows `--addr`.
fn address() -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--addr").skip(1);
    arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned())
}
