//! A server: what it is built from, how it starts, listens and stops.

mod accept;
#[cfg(feature = "admin")]
mod admin;
mod admit;
mod banner;
mod builder;
#[cfg(feature = "contract")]
mod contract_command;
mod endpoint;
mod engine_io;
mod event_stream;
#[cfg(feature = "explorer")]
mod explorer;
mod handle;
mod handshake_check;
mod http;
#[cfg(feature = "http2")]
mod http2;
#[cfg(feature = "systemd")]
#[cfg(unix)]
mod inherited_sockets;
mod lines;
mod metrics;
mod monitoring;
mod peer;
mod proxy_protocol;
mod running_server;
mod server_target;
mod service_manager;
mod setup_hints;
mod shutdown;
mod signals;
mod state;

#[cfg(feature = "admin")]
pub use admin::Admin;
#[cfg(feature = "testing")]
pub(crate) use admit::{Admitted, ConnectionRequest, Destination, admit, note_rejected};
#[cfg(feature = "config")]
pub use builder::ServerConfig;
#[cfg(feature = "contract")]
pub use builder::assert_current;
pub use builder::{EngineIo, Server, SocketIo};
#[cfg(feature = "contract")]
pub use contract_command::main as contract_main;
pub use endpoint::{Endpoint, IntoEndpoint, LocalAddr};
#[cfg(feature = "testing")]
pub(crate) use engine_io::Serves;
pub use engine_io::{Cors, Parser, SameSite, SessionCookie, TransportName};
pub use event_stream::ServerSentEvents;
pub use handle::ServerHandle;
pub use handshake_check::HandshakeRejection;
pub use http::{Body, GatewayService};
#[cfg(feature = "http2")]
pub use http2::Http2;
#[cfg(all(unix, feature = "systemd"))]
pub use inherited_sockets::InheritedSockets;
#[cfg(feature = "testing")]
pub(crate) use lines::spawn as serve_lines;
pub use peer::PeerAddr;
pub use running_server::RunningServer;
pub use server_target::ServerTarget;
#[cfg(feature = "testing")]
pub(crate) use state::StartedServer;
