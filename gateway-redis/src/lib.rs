//! Servers of [`gateway_core`] as one cluster over Redis 6.2 or later, or Valkey. Nodes of Socket.IO with
//! `@socket.io/redis-adapter` belong to the same cluster, and so do its emitters.
//!
//! ```no_run
//! use gateway_core::prelude::*;
//! use gateway_redis::Redis;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let redis = Redis::connect("redis://127.0.0.1:6379").await?;
//! Server::new().cluster(redis.pub_sub()).serve("127.0.0.1:3000").await?;
//! # Ok(())
//! # }
//! ```
//!
//! | engine | is the counterpart of |
//! | --- | --- |
//! | [`Redis::pub_sub`] | `createAdapter` of `@socket.io/redis-adapter` 8 |
//! | [`Redis::sharded`] | `createShardedAdapter` of `@socket.io/redis-adapter` 8 (Redis 7) |
//! | [`Redis::streams`] | `createAdapter` of `@socket.io/redis-streams-adapter` 0.3 |
//!
//! An [`Emitter`] sends from a process without a server, as `@socket.io/redis-emitter` does.
//!
//! # Connections
//!
//! An engine has two connections of its own: it publishes on one and is subscribed on the other, so that Redis counts each
//! node once. A lost connection is opened again with growing pauses, and every subscription is made again before the engine
//! reports that it is connected. With channels, messages of other nodes are lost meanwhile; the engine reports the gap. A message
//! whose publication was under way when the connection broke is not sent again, because it may have arrived. With streams
//! nothing is lost and nothing is doubled as long as the stream is long enough.
//!
//! # Permissions
//!
//! A user of Redis (ACL) needs these, where `socket.io` is the prefix:
//!
//! | engine | rules |
//! | --- | --- |
//! | all | `+hello +ping +pubsub +client\|setname +client\|info +client\|kill &socket.io*` |
//! | [`PubSub`] | `+publish +subscribe +unsubscribe +psubscribe +punsubscribe`, and the pattern of each namespace, such as `&socket.io#/#*` |
//! | [`Sharded`] | `+spublish +ssubscribe +sunsubscribe` |
//! | [`Streams`] | `+publish +subscribe +unsubscribe +xadd +xread +xrange +xinfo +multi +exec ~socket.io*`, and for recovery `+set +getdel +pexpire +del ~sio:session:*` |
//!
//! The client library is `redis`: its plain connection leaves the time of a reconnect to its user, pushes messages of RESP3
//! without a queue in between, and confirms each subscription.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod connect;
mod emitter;
mod link;
mod node_id;
mod pub_sub;
mod redis_server;
mod sharded;
mod streams;

pub use crate::connect::ConnectError;
pub use crate::emitter::{EmitError, Emitter, EmitterTarget};
pub use crate::pub_sub::PubSub;
pub use crate::redis_server::{Redis, RedisBuilder};
pub use crate::sharded::{Sharded, SubscriptionMode};
pub use crate::streams::Streams;
