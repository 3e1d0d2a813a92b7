//! Kinds of deployments: encrypted, with Sentinels, as a Redis Cluster.

use gateway_core::cluster::{Answer, Census, ClusterMessage, Engine, MessageBody, Question};
use gateway_redis::Redis;
use redis::{Value, cmd};

use crate::nodes::{Node, event, within};
use crate::redis_process::RedisProcess;

/// Two nodes of an engine, joined.
async fn check_pair<E: Engine>(ann: E, bob: E) -> (Node<E>, Node<E>) {
    let (ann, bob) = (Node::start(ann).await, Node::start(bob).await);
    assert_eq!(ann.engine.census(&"/".into()).await.unwrap(), Census::Count(1), "{}", ann.engine.name());
    bob.engine.enter_rooms(&"/".into(), &["r1".into(), "r2".into()]).await;
    for number in 0..300 {
        ann.publish(event(&[["r1", "r2"][number % 2]], number)).await;
        assert_eq!(bob.received_value().await, number);
    }
    let batch: Vec<_> =
        (0..128).map(|number| ClusterMessage { namespace: "/".into(), body: event(&["r1"], number) }).collect();
    ann.engine.publish(&batch).await.unwrap();
    for number in 0..128 {
        assert_eq!(bob.received_value().await, number);
    }
    ann.publish(MessageBody::Ask { request: "00ff".to_owned(), question: Question::Rooms }).await;
    let asker = bob.received().await.from.unwrap();
    let body = MessageBody::Answer { request: "00ff".to_owned(), asker, answer: Answer::Rooms(vec!["r".to_owned()]) };
    bob.publish(body.clone()).await;
    assert_eq!(ann.received().await.message.body, body);
    (ann, bob)
}

async fn check_all(redis: &Redis) {
    check_pair(redis.pub_sub(), redis.pub_sub()).await;
    check_pair(redis.sharded(), redis.sharded()).await;
    let streams = || redis.streams().stream_name("s").channel_prefix("p");
    check_pair(streams(), streams()).await;
}

#[tokio::test]
async fn the_connections_of_a_cluster_of_redis() {
    let nodes: [_; 3] = std::array::from_fn(|_| RedisProcess::start_with(&["--cluster-enabled", "yes"]));
    let slots = [(0, 5460), (5461, 10922), (10923, 16383)];
    for (node, (first, last)) in nodes.iter().zip(slots) {
        let mut connection = node.connection().await;
        let () = cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last).query_async(&mut connection).await.unwrap();
        let mut meet = cmd("CLUSTER");
        meet.arg("MEET").arg("127.0.0.1").arg(nodes[0].port);
        let () = meet.query_async(&mut connection).await.unwrap();
    }
    for node in &nodes {
        let mut connection = node.connection().await;
        within(async {
            loop {
                let info: String = cmd("CLUSTER").arg("INFO").query_async(&mut connection).await.unwrap();
                if info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3") {
                    break;
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    let redis = Redis::cluster(nodes.iter().map(RedisProcess::url)).connect().await.unwrap();
    check_all(&redis).await;
}

#[tokio::test]
async fn the_master_that_sentinels_know() {
    let master = RedisProcess::start_with(&["--requirepass", "secret"]);
    let sentinel = RedisProcess::start_sentinel(&format!(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel auth-pass main secret\n",
        master.port
    ));
    let url = format!("redis://default:secret@127.0.0.1:{}", sentinel.port);
    let redis = Redis::sentinel([url], "main").connect().await.unwrap();
    check_pair(redis.streams(), redis.streams()).await;
    let unknown = Redis::sentinel([sentinel.url()], "other").connect().await;
    assert!(unknown.is_err());
}

#[tokio::test]
async fn a_promoted_replica_takes_over() {
    let mut master = RedisProcess::start();
    let replica = RedisProcess::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port)]);
    let mut connection = replica.connection().await;
    within(async {
        loop {
            let state: String = cmd("INFO").arg("replication").query_async(&mut connection).await.unwrap();
            if state.contains("master_link_status:up") {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let sentinel = RedisProcess::start_sentinel(&format!(
        "sentinel monitor main 127.0.0.1 {} 1\nsentinel down-after-milliseconds main 300\nsentinel failover-timeout main \
         3000\n",
        master.port
    ));
    // A Sentinel learns of replicas from the master.
    let mut questions = sentinel.connection().await;
    within(async {
        loop {
            let replicas: Vec<Value> =
                cmd("SENTINEL").arg("REPLICAS").arg("main").query_async(&mut questions).await.unwrap();
            if !replicas.is_empty() {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    let redis = Redis::sentinel([sentinel.url()], "main").connect().await.unwrap();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    ann.publish(event(&[], "before")).await;
    assert_eq!(bob.received_value().await, "before");
    master.kill();
    let message = ClusterMessage { namespace: "/".into(), body: event(&[], "after") };
    ann.publish_all(&[message]).await;
    assert_eq!(bob.received_value().await, "after");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn encrypted_connections() {
    use std::fs;

    use crate::redis_process::free_port;

    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let directory = std::env::temp_dir().join(format!("gateway-redis-tls-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let (certificate, key) = (directory.join("cert.pem"), directory.join("key.pem"));
    fs::write(&certificate, certified.cert.pem()).unwrap();
    fs::write(&key, certified.signing_key.serialize_pem()).unwrap();
    let port = free_port().to_string();
    let paths = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let _server = RedisProcess::start_with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        paths[0],
        "--tls-key-file",
        paths[1],
        "--tls-ca-cert-file",
        paths[0],
        "--tls-auth-clients",
        "yes",
    ]);
    let url = format!("rediss://localhost:{port}");
    let encrypted = || Redis::builder(&url).root_certificates(certified.cert.pem());
    let key_pem = certified.signing_key.serialize_pem();
    let redis = encrypted().client_certificate(certified.cert.pem(), key_pem).connect().await.unwrap();
    check_all(&redis).await;
    // Without a certificate of the client, and with the system's roots.
    assert!(encrypted().connect().await.is_err());
    assert!(Redis::connect(&url).await.is_err());
    fs::remove_dir_all(directory).unwrap();
}
