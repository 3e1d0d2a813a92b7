//! Engine.IO over HTTP: handshakes, polls and posts, the upgrade to WebSocket. Knows sessions and their packets, not what
//! is said in them.

mod bundle;
mod check;
#[cfg(feature = "http-compression")]
mod compression;
mod cookie;
mod cors;
mod engine;
mod open;
mod options;
mod post;
mod refused;
mod respond;
mod sessions;
mod visit;

pub use cookie::{SameSite, SessionCookie};
pub use cors::Cors;
pub(crate) use engine::{Engine, Serves};
pub(crate) use options::{EngineOptions, InitialHeaders};
pub use options::{Parser, TransportName};
pub(crate) use respond::respond;
pub(crate) use visit::Host;
