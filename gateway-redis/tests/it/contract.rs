//! The contract of engines, which each of them keeps.

use gateway_core::testing::engine_contract;
use gateway_redis::SubscriptionMode;

use crate::redis_process::RedisProcess;

#[tokio::test]
async fn pub_sub_keeps_the_contract() {
    let server = RedisProcess::start();
    let redis = server.redis();
    engine_contract(|| redis.pub_sub()).await;
    engine_contract(|| redis.pub_sub().key("other").publish_on_specific_response_channel(true)).await;
}

#[tokio::test]
async fn sharded_keeps_the_contract_in_every_mode() {
    let server = RedisProcess::start();
    let redis = server.redis();
    engine_contract(|| redis.sharded()).await;
    for (prefix, mode) in [
        ("static", SubscriptionMode::Static),
        ("dynamic", SubscriptionMode::Dynamic),
        ("private", SubscriptionMode::DynamicPrivate),
    ] {
        engine_contract(|| redis.sharded().channel_prefix(prefix).subscription_mode(mode)).await;
    }
}

#[tokio::test]
async fn streams_keep_the_contract() {
    let server = RedisProcess::start();
    let redis = server.redis();
    engine_contract(|| redis.streams()).await;
}
