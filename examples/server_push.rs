//! The server speaks first: a task of the application sends to everybody, from outside any handler.
//!
//! `cargo run --example server_push`, then listen on `ws://127.0.0.1:3000/clock`.

use std::time::Duration;

use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("tick")]
struct Tick {
    n: u64,
}

#[gateway(namespace = "/clock")]
struct Clock;

#[gateway]
impl Clock {}

async fn tick(handle: ServerHandle) {
    let clock = handle.of("/clock");
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    for n in 0.. {
        seconds.tick().await;
        clock.send(Tick { n });
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let server = Server::new();
    tokio::spawn(tick(server.handle()));
    server.serve(address).await
}
