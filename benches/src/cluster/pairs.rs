//! The servers that are compared: two of each.

use std::io;
use std::path::Path;

use crate::side_by_side::{Running, Spec, beside};

/// Name of one server of the framework with all clients: what a broadcast costs without a cluster.
pub const LOCAL: &str = "gateway-core, one server";
/// Name of the framework over pub/sub.
pub const OURS_PUB_SUB: &str = "gateway-redis, pub/sub";
/// Name of the framework over sharded pub/sub.
pub const OURS_SHARDED: &str = "gateway-redis, sharded";
/// Name of Node's classic adapter.
pub const NODE: &str = "@socket.io/redis-adapter";
/// Name of Node's sharded adapter.
const NODE_SHARDED: &str = "@socket.io/redis-adapter, sharded";
/// Name of socketioxide's adapter.
pub const OXIDE: &str = "socketioxide-redis";

/// Two servers of a cluster, or one in the place of both.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Name in tables.
    pub name: &'static str,
    spec: Spec,
    is_cluster: bool,
}

/// The servers of a pair that run; dropping them ends them.
#[derive(Debug)]
pub struct RunningPair {
    first: Running,
    second: Option<Running>,
}

/// All pairs, over the Redis of this URL. Without Node its pairs are left out.
#[must_use]
pub fn pairs(benches: &Path, peers: &Path, redis: &str, has_node: bool) -> Vec<Pair> {
    let ours = |engine: &str| Spec::new("ours", beside("bench-cluster")).with(engine);
    let mut pairs = vec![
        Pair { name: LOCAL, spec: ours(""), is_cluster: false },
        Pair::new(OURS_PUB_SUB, ours(&format!("--redis {redis} --engine pub_sub"))),
        Pair::new(OURS_SHARDED, ours(&format!("--redis {redis} --engine sharded"))),
        Pair::new(OXIDE, Spec::new("peer", peers.join("socketioxide_redis")).with(&format!("--redis {redis}"))),
    ];
    if has_node {
        for (name, kind) in [(NODE, "pub_sub"), (NODE_SHARDED, "sharded")] {
            let mut spec = Spec::new("peer", "node").with(&format!("socket.io-redis.mjs {kind} {redis}"));
            spec.directory = Some(benches.join("peers/node"));
            pairs.push(Pair::new(name, spec));
        }
    }
    pairs
}

impl Pair {
    fn new(name: &'static str, spec: Spec) -> Self {
        Self { name, spec, is_cluster: true }
    }

    /// Returns `true` if there are two servers.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        self.is_cluster
    }

    /// Starts the servers.
    ///
    /// # Errors
    ///
    /// When one does not start.
    pub fn start(&self) -> io::Result<RunningPair> {
        let first = Running::start(&self.spec)?;
        let second = self.is_cluster.then(|| Running::start(&self.spec)).transpose()?;
        Ok(RunningPair { first, second })
    }
}

impl RunningPair {
    /// The server that the sender is connected to, and that of the receivers.
    #[must_use]
    pub fn servers(&self) -> [&Running; 2] {
        [&self.first, self.second.as_ref().unwrap_or(&self.first)]
    }
}
