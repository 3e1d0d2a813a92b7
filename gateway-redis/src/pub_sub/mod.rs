//! The engine over publish and subscribe, in the format of Socket.IO's classic Redis adapter.

mod channels;
mod engine;
mod questions;
mod received;

pub(crate) use channels::{Channels, joined};
pub use engine::PubSub;
