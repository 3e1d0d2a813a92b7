//! Handler tests without a port: the real router, hooks, limits and outboxes over connections in memory.
//!
//! Run tests on tokio's paused clock: timeouts then pass at once, and results do not depend on the machine's speed.
//!
//! ```
//! use gateway_core::prelude::*;
//!
//! #[gateway(namespace = "/greet")]
//! struct Greeter;
//!
//! #[gateway]
//! impl Greeter {
//!     #[subscribe("hello")]
//!     fn hello(&self, Data(name): Data<String>) -> String {
//!         format!("hello {name}")
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let server = Server::empty().gateway::<Greeter>().test().await.unwrap();
//! let mut ann = server.connect("/greet").await.unwrap();
//! let greeting: String = ann.emit_with_ack("hello", "Ann").await.unwrap();
//! assert_eq!(greeting, "hello Ann");
//! ann.expect_nothing().await;
//! # }
//! ```

mod client;
mod cluster;
mod connect;
mod dialect;
mod engine_contract;
mod event_stream;
mod frame;
mod server;

pub use client::{TestClient, TestStream};
pub use cluster::{MemoryBus, MemoryEngine, TestCluster, cluster, cluster_by_room, cluster_with_log};
pub use connect::ConnectBuilder;
pub use dialect::LostConnection;
pub use engine_contract::engine_contract;
pub use event_stream::{EventStreamBuilder, EventStreamClient, StreamedEvent};
pub use frame::{Closed, ConnectError, Failure, Received};
pub use server::TestServer;
