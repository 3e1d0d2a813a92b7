//! Two servers of a cluster, over one Redis: what a broadcast of the first costs both, for clients of the second.

mod page;
mod pairs;
mod redis_server;
mod run;

pub use page::page;
pub use pairs::{LOCAL, NODE, OURS_PUB_SUB, OURS_SHARDED, OXIDE, Pair, RunningPair, pairs};
pub use redis_server::{RedisServer, RedisUse, redis_use};
pub use run::{ClusterTable, ClusterWork, cluster_works, measure};
