//! A connection from its handshake to its end: one task reads, handles and answers the client's messages. Knows no HTTP and
//! no listener.

mod application;
mod assembly_timeout;
mod clock;
mod close;
mod connect;
mod disconnect;
mod drain;
mod driver;
mod formats;
mod multiplexed;
mod multiplexer;
mod room_guards;
mod scheduler;
mod server_events;
mod single;
mod socket_context;
mod socket_driver;
mod socket_set;
mod sockets;
mod takeover;

pub(crate) use application::Application;
pub use drain::Drain;
pub(crate) use drain::PAUSE;
pub(crate) use driver::{AdmittedNamespace, ConnectionConfig, ConnectionScope, serve};
#[cfg(feature = "http2")]
pub(crate) use scheduler::rate_limit::{TokenBucket, per_second};
pub(crate) use server_events::ServerEvents;
