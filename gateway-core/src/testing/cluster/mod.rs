//! Several servers in one process, joined by an engine in memory.

mod memory_engine;

pub use memory_engine::{MemoryBus, MemoryEngine};
