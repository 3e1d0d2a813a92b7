//! Several servers in one process, joined by an engine in memory.

mod memory_bus;
mod memory_engine;
mod memory_log;
mod test_cluster;

pub use memory_bus::MemoryBus;
pub use memory_engine::MemoryEngine;
pub use test_cluster::{TestCluster, cluster, cluster_by_room, cluster_with_log};
