//! Names that macro output and the other crates of the framework use.

// The traits without the derive macros of their names: other crates have macros of their own.
pub use crate::event::Event;
pub use crate::request::Request;
pub use serde::Serialize;
