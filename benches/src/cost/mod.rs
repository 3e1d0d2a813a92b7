//! Cost of a byte of input: families of messages that a client may send, the instructions that a server takes for them, and the
//! memory that it holds for a client that does not read.

mod client;
mod deflate;
mod families;
mod gateway;
mod held;
mod measure;
mod msgpack;
mod tables;

pub use families::{FAMILIES, Family, Way};
pub use held::{BOUNDS, Held, hold};
pub use measure::{SIZES, count_here, count_under_callgrind};
