//! The engine of a cluster, chosen by its address in the configuration. It is the program that knows the crates of engines.

use std::error::Error;

use gateway_core::Server;
use gateway_postgres::Postgres;
use gateway_redis::Redis;
use serde::Deserialize;
use serde::de::Error as _;

/// The table `engine` of the configuration.
#[derive(Debug, Deserialize)]
pub(crate) struct EngineConfig {
    url: EngineUrl,
    #[serde(default)]
    adapter: RedisAdapter,
}

#[derive(Debug)]
enum EngineUrl {
    Redis(String),
    Postgres(String),
}

/// The adapter of Socket.IO that the servers of the cluster have.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RedisAdapter {
    #[default]
    PubSub,
    Sharded,
    Streams,
}

impl EngineConfig {
    /// Connects to the engine and gives it to the server.
    pub(crate) async fn join(self, server: Server) -> Result<Server, Box<dyn Error>> {
        let redis = match self.url {
            EngineUrl::Postgres(url) => return Ok(server.cluster(Postgres::connect(&url).await?)),
            EngineUrl::Redis(url) => Redis::connect(&url).await?,
        };
        Ok(match self.adapter {
            RedisAdapter::PubSub => server.cluster(redis.pub_sub()),
            RedisAdapter::Sharded => server.cluster(redis.sharded()),
            RedisAdapter::Streams => server.cluster(redis.streams()),
        })
    }
}

impl<'de> Deserialize<'de> for EngineUrl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let url = String::deserialize(deserializer)?;
        match url.split_once("://") {
            Some(("redis" | "rediss" | "redis+unix", _)) => Ok(Self::Redis(url)),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres(url)),
            // The address may hold a password, so it is not repeated.
            _ => Err(D::Error::custom(
                "expected an address such as \"redis://127.0.0.1:6379\" or \"postgres://127.0.0.1/app\"",
            )),
        }
    }
}
