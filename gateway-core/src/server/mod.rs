//! A server: what it is built from, how it starts, listens and stops.

mod accept;
mod application;
mod assembly_timeout;
mod banner;
mod body;
mod builder;
mod close;
#[cfg(feature = "config")]
mod config;
mod connect_hooks;
mod connection;
mod disconnect;
mod drain;
mod endpoint;
mod engine_io;
mod event_queue;
mod fallback;
mod formats;
mod guards;
mod handle;
mod handshake_check;
mod lingering;
mod manual_upgrade;
mod metrics;
mod monitoring;
mod multiplexer;
mod operations;
mod peer;
mod provide;
mod rate_limit;
mod raw;
mod running_server;
mod scheduler;
mod server_target;
mod service;
mod settings;
mod setup_hints;
mod shutdown;
mod signals;
mod socket_context;
mod socket_driver;
mod socket_io_options;
mod socket_set;
mod upgrade;

#[cfg(feature = "testing")]
pub(crate) use application::Application;
pub use body::Body;
pub use builder::Server;
#[cfg(feature = "config")]
pub use config::ServerConfig;
#[cfg(feature = "testing")]
pub(crate) use connection::{ConnectionConfig, ConnectionScope, serve};
pub use drain::Drain;
pub use endpoint::{Endpoint, IntoEndpoint, LocalAddr};
pub use engine_io::{Cors, Parser, SameSite, SessionCookie, TransportName};
#[cfg(feature = "testing")]
pub(crate) use formats::socket_io;
#[cfg(feature = "testing")]
pub(crate) use guards::guard_upgrade;
pub use handle::ServerHandle;
pub use handshake_check::HandshakeRejection;
pub use peer::PeerAddr;
pub use running_server::RunningServer;
pub use server_target::ServerTarget;
pub use service::GatewayService;
pub use socket_io_options::{EngineIo, SocketIo};
