//! Requirements of a method's arguments, known before the server starts.

pub(super) mod needs;
pub(super) mod path_shape;

pub use needs::{Argument, Requirements};
pub(crate) use needs::{Available, Missing};
