//! A client of `gateway-core` servers: typed events, requests and streams over a WebSocket, or over lines, that reconnects and resumes.
//!
//! ```no_run
//! use gateway_client::{Client, Event, Request};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, Event)]
//! #[event("posted")]
//! struct Posted {
//!     from: String,
//!     text: String,
//! }
//!
//! #[derive(Serialize, Deserialize, Request)]
//! #[request("message", reply = usize)]
//! struct NewMessage {
//!     text: String,
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("ws://127.0.0.1:3000/chat").auth("ann").build()?;
//! let mut posted = client.events::<Posted>();
//!
//! let receivers = client.call(&NewMessage { text: "hello".into() }).await?;
//! println!("sent to {receivers}");
//! while let Some(message) = posted.next().await {
//!     let Posted { from, text } = message?;
//!     println!("{from}: {text}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The types of events and requests may stand in a crate that the server uses too: the trait [`trait@Event`] is that of `gateway-core`. Such a
//! crate depends on `gateway-types` alone. By name, without types of their own, messages are sent and received with
//! [`Client::emit`], [`Client::request`], [`Client::stream`] and [`Client::on`].
//!
//! | to | see |
//! | --- | --- |
//! | connect, with credentials, headers, TLS | [`ClientBuilder`] |
//! | receive events | [`Client::events`], [`Client::on`] |
//! | send events | [`Client::send`], [`Client::emit`] |
//! | send requests | [`Client::call`], [`Client::request`]; streams: [`Client::call_stream`], [`Client::stream`] |
//! | answer the server's questions | [`Client::answer`] |
//! | show the state | [`Client::status`], [`Client::watch`], [`Status`] |
//! | connect through something else than TCP, or in a test | [`Connector`] |
//!
//! # Addresses
//!
//! | URL | the client speaks |
//! | --- | --- |
//! | `ws://host/chat`, `wss://host/chat` | WebSocket |
//! | `tcp://host:3001/chat`, `tls://host:3001/chat` | lines over TCP, as `Server::lines` takes them |
//! | `unix:/run/app.sock:/chat` | lines over a Unix socket; the namespace begins behind the last `:/` |
//!
//! # Losses
//!
//! A lost connection is replaced after a growing, jittered wait, and not before the pause that the server asks for. A server that recovers
//! sockets then resumes the session: its id, its rooms, and every missed event, in order and once. If it cannot, the state is
//! [`Open`] with `reconnected` and without `resumed`: load again what may have been missed. Subscriptions outlive losses, rooms of a
//! session that was not resumed do not.
//!
//! What was sent just before a loss may not have arrived, and nothing is sent twice: such an event is lost, and such a request fails with
//! [`RequestError::Disconnected`]. What waits in the queue is sent by the next connection.
//!
//! | end of a connection | the client |
//! | --- | --- |
//! | no close frame; codes 1001, 1005, 1006, 1011 to 1015, 3000 to 3499, 4000 to 4499 | reconnects |
//! | other codes, such as 4500 `refused` | is closed |
//! | 4502 `expired` | reconnects if [`ClientBuilder::auth_with`] gives new credentials |
//! | the upgrade is refused with a status from 400 to 499 | is closed; but 408, 425 and 429 are tried again, as are 401 and 403 with `auth_with` |
//! | other statuses, no server, no acceptance within [`Delays::connect`], a violation of RFC 6455, silence | reconnects |
//! | a message longer than [`Bounds::message`] | is closed with 1009, for it would come again |
//!
//! A message that cannot be read is reported to [`ClientBuilder::on_malformed`] and skipped. Kinds of messages that are not known are ignored.
//!
//! # Features
//!
//! `tls` adds `wss:` and `tls:` by rustls with ring, and the type `Tls`.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod answers;
mod builder;
mod client;
mod connector;
mod error;
mod events;
mod inbox;
mod link;
mod options;
mod outbox;
mod pending;
#[doc(hidden)]
pub mod private;
mod request;
mod session;
mod shared;
mod status;
mod stream;
mod wire;

pub use builder::{BuildError, ClientBuilder};
pub use client::{Client, StartError};
pub use connector::{ByteStream, ConnectFuture, Connector, Destination};
#[cfg(feature = "tls")]
pub use connector::{Tls, TlsError};
pub use error::{EventError, Exception, RequestError, SendError};
pub use events::Events;
pub use gateway_macros::{ClientEvent as Event, ClientRequest as Request};
pub use options::{Bounds, Delays};
pub use private::{Event, Request};
pub use session::Resumption;
pub use status::{Closed, ConnectError, Open, Refusal, Status, Waiting};
pub use stream::ReplyStream;
pub use wire::AddressError;

/// Futures of what is sent.
pub mod sending {
    pub use crate::request::{Request, Sending};
}
