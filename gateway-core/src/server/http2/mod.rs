//! HTTP/2 on the server's own listeners: connections, their requests and answers, and streams that become WebSockets.

mod accept;
mod bridge;
mod connection;
mod options;
mod request;
mod resets;
mod response;

pub(crate) use accept::spawn;
pub(crate) use bridge::respond_by_upgrade;
pub use options::Http2;
pub(crate) use request::Http2StreamReceiver;
