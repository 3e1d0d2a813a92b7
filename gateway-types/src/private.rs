//! Names that macro output and the other crates of the framework use.

// The trait without the derive macro of its name: `gateway-core` has one of its own.
pub use crate::event::Event;
pub use serde::Serialize;
