//! A server: what it is built from, how it starts, listens and stops.

mod accept;
mod admission;
mod application;
mod banner;
mod before;
mod body;
mod builder;
mod by_hand;
#[cfg(feature = "config")]
mod config;
mod connection;
mod doors;
mod drain;
mod ending;
mod endpoint;
mod engine_io;
mod fallback;
mod forms;
mod gauges;
mod handle;
mod hints;
mod lanes;
mod leaving;
mod lobby;
mod monitoring;
mod operations;
mod peer;
mod place;
mod provide;
mod rates;
mod raw;
mod running;
mod seat;
mod seats;
mod service;
mod settings;
mod signals;
mod socket_io_options;
mod stopping;
mod targets;
mod unfinished;
mod unread;
mod upgraded;
mod waiting;

#[cfg(feature = "testing")]
pub(crate) use application::Application;
pub use before::UpgradeRefusal;
pub use body::Body;
pub use builder::Server;
#[cfg(feature = "config")]
pub use config::ServerConfig;
#[cfg(feature = "testing")]
pub(crate) use connection::{Entry, Manner, serve};
#[cfg(feature = "testing")]
pub(crate) use doors::ask_at_upgrade;
pub use drain::Drain;
pub use endpoint::{Endpoint, IntoEndpoint, LocalAddr};
pub use engine_io::{Cors, Parser, SameSite, SessionCookie, TransportName};
#[cfg(feature = "testing")]
pub(crate) use forms::socket_io;
pub use handle::ServerHandle;
pub use peer::PeerAddr;
pub use running::RunningServer;
pub use service::GatewayService;
pub use socket_io_options::{EngineIo, SocketIo};
pub use targets::Targets;
