//! A WebSocket client that may misbehave, for suites against a real port. It checks nothing it sends, and what it
//! receives only as far as a client must. Well-behaved clients are other people's: see `clients/` and `browser/`.

mod frame;
pub mod prometheus;
mod raw;

pub use frame::{Frame, Opcode};
pub use raw::{Raw, Received, Response, upgrade_request};
