//! A server: what it is built from, how it starts, listens and stops.

mod accept;
mod admit;
mod banner;
mod body;
mod builder;
#[cfg(feature = "config")]
mod config;
mod endpoint;
mod engine_io;
mod fallback;
mod handle;
mod handshake_check;
mod lingering;
mod manual_upgrade;
mod metrics;
mod monitoring;
mod operations;
mod peer;
mod provide;
mod running_server;
mod server_target;
mod service;
mod settings;
mod setup_hints;
mod shutdown;
mod signals;
mod socket_io_options;
mod state;
mod upgrade;

#[cfg(feature = "testing")]
pub(crate) use admit::{Admitted, ConnectionRequest, Destination, admit, note_rejected};
pub use body::Body;
pub use builder::Server;
#[cfg(feature = "config")]
pub use config::ServerConfig;
pub use endpoint::{Endpoint, IntoEndpoint, LocalAddr};
#[cfg(feature = "testing")]
pub(crate) use engine_io::Serves;
pub use engine_io::{Cors, Parser, SameSite, SessionCookie, TransportName};
pub use handle::ServerHandle;
pub use handshake_check::HandshakeRejection;
pub use peer::PeerAddr;
pub use running_server::RunningServer;
pub use server_target::ServerTarget;
pub use service::GatewayService;
pub use socket_io_options::{EngineIo, SocketIo};
#[cfg(feature = "testing")]
pub(crate) use state::StartedServer;
