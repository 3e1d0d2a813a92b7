//! Server-sent events over HTTP: the GET that listens and the POSTs of its client. Knows streams and their messages, not
//! sockets; it is the same for every version of HTTP.

mod answer;
mod endpoint;
mod listen;
mod options;
mod post;
mod routing;
mod streams;

pub(crate) use endpoint::{EventStreamEndpoint, EventStreamIntent, wants_events};
pub use options::ServerSentEvents;
pub(crate) use routing::respond;
