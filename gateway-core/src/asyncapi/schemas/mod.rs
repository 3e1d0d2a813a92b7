//! Schemas of types, collected from `schemars` and brought into one form.

mod arguments;
mod components;
mod equal;
mod normal;
mod pattern;

pub(crate) use components::{Components, binary};
pub use components::{Direction, SchemaRequest};
