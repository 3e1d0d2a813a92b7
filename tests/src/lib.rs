//! A WebSocket client that may misbehave, and a network that may, for suites against a real port. The client checks nothing
//! it sends, and what it receives only as far as a client must. Well-behaved clients are other people's: see `clients/` and
//! `browser/`.

mod frame;
pub mod prometheus;
mod proxy;
mod raw;

pub use frame::{Frame, Opcode};
pub use proxy::{Proxy, Weather};
pub use raw::{Raw, Received, Response, upgrade_request};
