//! The engine over streams, in the format of Socket.IO's Redis streams adapter.

mod engine;
mod entry;
mod keys;
mod position;
mod reader;
mod sessions;
mod states;
mod writer;

pub use engine::Streams;
pub(crate) use keys::StreamKeys;
pub(crate) use writer::entry_command;
