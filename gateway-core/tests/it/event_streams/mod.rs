//! Clients that listen by server-sent events and send by POSTs, over the real requests and responses in memory.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod bursts;
mod ending;
mod letting_in;
mod listening;
mod posts;
mod recovery;
mod resuming;

use gateway_core::prelude::*;
use gateway_core::serve::ServerSentEvents;
use gateway_core::testing::TestServer;

/// Starts a server of one gateway, with server-sent events.
async fn serve<G: gateway_core::manual::Gateway + gateway_core::manual::Registered>(
    configure: impl FnOnce(Server) -> Server,
) -> TestServer {
    let server = Server::empty().gateway::<G>().server_sent_events(ServerSentEvents::new());
    configure(server).test().await.unwrap()
}
