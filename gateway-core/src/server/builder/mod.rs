//! The builder of a server: options, services and gateways, before it starts.

#[cfg(feature = "config")]
pub(super) mod config;
#[cfg(feature = "contract")]
mod contract;
#[cfg(feature = "config")]
mod listen_config;
pub(super) mod operations;
pub(super) mod provide;
pub(super) mod server;
pub(super) mod settings;
pub(super) mod socket_io_options;

#[cfg(feature = "config")]
pub use config::ServerConfig;
#[cfg(feature = "contract")]
pub use contract::assert_current;
pub use server::Server;
pub use socket_io_options::{EngineIo, SocketIo};
