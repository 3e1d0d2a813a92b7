//! A chat with rooms, and the page to use it: `cargo run --example chat`, then open the address it prints.
//!
//! `events.rs` is what goes over the wire, `gateway.rs` what is done about it, `house.rs` what is remembered, and
//! `page.rs` serves `web/`.

mod events;
mod gateway;
mod house;
mod page;
#[cfg(test)]
mod tests;

use gateway_core::prelude::*;

use crate::house::House;

#[tokio::main]
async fn main() -> Result<(), StartError> {
    Server::new()
        .provide(House::new())
        .fallback_fn(page::serve)
        .on_listening(|address| println!("Gatehouse is open at http://{address}/"))
        .serve(address())
        .await
}

/// What follows `--addr`.
fn address() -> String {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--addr").skip(1);
    arguments.next().unwrap_or_else(|| "127.0.0.1:3000".to_owned())
}
