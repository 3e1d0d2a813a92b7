//! The engine over shard channels, in the format of Socket.IO's sharded Redis adapter.

mod channels;
mod engine;
mod received;

pub use channels::SubscriptionMode;
pub use engine::Sharded;
pub(crate) use received::{Namespaces, NodeReceiver};
