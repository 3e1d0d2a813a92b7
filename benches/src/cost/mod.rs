//! Cost of a byte of input: families of messages that a client may send, through the server in memory.

mod families;
mod gateway;
mod measure;
mod msgpack;

pub use families::{FAMILIES, Family, Way};
pub use measure::{SIZES, count_here, count_under_callgrind};
