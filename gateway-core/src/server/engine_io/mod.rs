//! Engine.IO over HTTP: handshakes, polls and posts, the upgrade to WebSocket. Knows sessions and their packets, not
//! the messages in them.

mod client_files;
#[cfg(feature = "http-compression")]
mod compression;
mod cookie;
mod cors;
mod engine;
mod engine_request;
mod options;
mod post;
mod rejection;
mod request_check;
mod routing;
mod session_start;
mod sessions;

pub use cookie::{SameSite, SessionCookie};
pub use cors::Cors;
pub(crate) use cors::Sharing;
pub(crate) use engine::{EngineIoEndpoint, Serves};
pub(crate) use engine_request::Host;
pub(crate) use options::{EngineOptions, InitialHeaders};
pub use options::{Parser, TransportName};
pub(crate) use routing::respond;
