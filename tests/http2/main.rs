//! Suites over HTTP/2 against a real port in this process: WebSockets in streams (RFC 8441), long polling and other requests,
//! and clients that do not keep to the rules.

mod client;
mod ends;
mod event_streams;
mod fallback;
mod foreign;
mod hostile;
mod neighbours;
mod polling;
mod refusals;
mod server;
mod sockets;
mod tls;
