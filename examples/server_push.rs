//! The server speaks first: a task of the application sends to everybody, from outside any handler.
//!
//! `cargo run --example server_push`, then listen on `ws://127.0.0.1:3000/clock`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gateway_core::ServerHandle;
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, Event, PartialEq, Serialize)]
#[event("tick")]
struct Tick {
    n: u64,
}

#[gateway(namespace = "/clock")]
struct Clock {
    latest: Arc<AtomicU64>,
}

#[gateway]
impl Clock {
    /// Sends the clock to a new client, which need not wait for the next tick.
    #[on_connect]
    fn show(&self, socket: Socket) -> Result<(), ConnectRejection> {
        Ok(socket.send(Tick { n: self.latest.load(Ordering::Relaxed) })?)
    }
}

async fn run(latest: Arc<AtomicU64>, handle: ServerHandle) {
    let Ok(clock) = handle.of("/clock") else { return };
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        let n = latest.fetch_add(1, Ordering::Relaxed) + 1;
        clock.send(Tick { n });
    }
}

#[tokio::main]
async fn main() -> Result<(), StartError> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:3000".to_owned());
    let latest = Arc::<AtomicU64>::default();
    let server = Server::new().provide(Arc::clone(&latest));
    tokio::spawn(run(latest, server.handle()));
    server.serve(address).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everybody_sees_where_the_clock_stands_and_every_tick() {
        let latest = Arc::new(AtomicU64::new(41));
        let server = Server::empty().gateway::<Clock>().provide(Arc::clone(&latest)).test().await.unwrap();
        let mut ann = server.connect("/clock").await.unwrap();
        assert_eq!(ann.expect::<Tick>().await, Tick { n: 41 });
        tokio::spawn(run(latest, server.handle()));
        for n in 42..45 {
            assert_eq!(ann.expect::<Tick>().await, Tick { n });
        }
    }
}
