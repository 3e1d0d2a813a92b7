//! The server's part of Socket.IO's Admin UI: the gateway that its page connects to, and the task that tells open pages of the
//! sockets. Serves no page itself.

mod access;
mod gateway;
mod options;
mod page_view;
mod reporter;
mod state;
mod stats;

pub(crate) use gateway::{AdminGateway, handlers};
pub use options::Admin;
pub(crate) use reporter::start;
pub(crate) use state::AdminState;
