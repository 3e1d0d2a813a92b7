//! Names of the events and requests that a server of `gateway-core` and its clients share.
//!
//! A crate with the payloads of an application depends on this one, not on the server or the client:
//!
//! ```
//! use gateway_types::{Event, Request};
//! use serde::{Deserialize, Serialize};
//!
//! /// Sent by the server.
//! #[derive(Serialize, Deserialize, Event)]
//! #[event("posted")]
//! pub struct Posted {
//!     pub from: String,
//!     pub text: String,
//! }
//!
//! /// Sent by a client, and answered with the number of receivers.
//! #[derive(Serialize, Deserialize, Request)]
//! #[request("message", reply = usize)]
//! pub struct NewMessage {
//!     pub text: String,
//! }
//!
//! assert_eq!((Posted::NAME, NewMessage::NAME), ("posted", "message"));
//! ```
//!
//! `gateway-core` re-exports [`trait@Event`] with a derive macro of its own, and `gateway-client` re-exports both traits. Nothing here
//! knows connections or formats.

mod event;
mod request;

#[doc(hidden)]
pub mod private;

pub use event::Event;
pub use gateway_macros::{SharedEvent as Event, SharedRequest as Request};
pub use request::Request;
