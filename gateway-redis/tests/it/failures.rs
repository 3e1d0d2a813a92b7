//! Redis is away, comes back, or treats the engine badly.

use gateway_core::cluster::{ClusterMessage, Engine, EngineState};
use gateway_redis::{ConnectError, Redis};
use redis::cmd;

use crate::nodes::{Node, event, within};
use crate::redis_process::RedisProcess;

/// All messages of a cause, as people read them.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn a_start_without_redis_fails_and_may_be_repeated() {
    let mut server = RedisProcess::start();
    server.kill();
    let address = format!("127.0.0.1:{}", server.port);
    let error = Redis::connect(server.url()).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Unreachable { address: tried, .. } if *tried == address), "{error:?}");
    let ann = Node::new(server.redis().pub_sub());
    let error = ann.engine.start(ann.handle()).await.unwrap_err();
    assert!(told(&error).contains(&address), "{}", told(&error));
    server.restart();
    ann.engine.start(ann.handle()).await.unwrap();
    ann.enter("/").await;
    let bob = Node::start(server.redis().pub_sub()).await;
    bob.publish(event(&[], 1)).await;
    assert_eq!(ann.received_value().await, 1);
}

#[tokio::test]
async fn a_wrong_password_is_named_at_the_start() {
    let server = RedisProcess::start_with(&["--requirepass", "secret"]);
    for builder in [server.builder(), server.builder().user("default", "wrong"), server.builder().user("ann", "secret")]
    {
        let error = builder.connect().await.unwrap_err();
        assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("secret"));
    }
    let redis = server.builder().user("default", "secret").connect().await.unwrap();
    Node::start(redis.pub_sub()).await;
}

#[tokio::test]
async fn a_user_needs_no_more_permissions_than_the_page_names() {
    let server = RedisProcess::start();
    let mut connection = server.connection().await;
    let common = "+hello +ping +pubsub +client|setname +client|info +client|kill &socket.io*";
    let mut user = async |name: &str, rules: &str| {
        let mut command = cmd("ACL");
        command.arg("SETUSER").arg(name).arg("on").arg(">pw").arg("resetchannels").arg("-@all");
        for rule in common.split(' ').chain(rules.split(' ')) {
            command.arg(rule);
        }
        let () = command.query_async(&mut connection).await.unwrap();
        server.builder().user(name, "pw").connect().await.unwrap()
    };
    let subscribing = "+publish +subscribe +unsubscribe";
    let classic = user("classic", &format!("{subscribing} +psubscribe +punsubscribe &socket.io#/#*")).await;
    let sharded = user("sharded", "+spublish +ssubscribe +sunsubscribe").await;
    let streams = user("streams", &format!("{subscribing} +xadd +xread +xrange +xinfo +multi +exec ~socket.io*")).await;
    check_pair(Node::start(classic.pub_sub()).await, Node::start(classic.pub_sub()).await).await;
    check_pair(Node::start(sharded.sharded()).await, Node::start(sharded.sharded()).await).await;
    check_pair(Node::start(streams.streams()).await, Node::start(streams.streams()).await).await;
    // Without the permission for a channel, the reason is told.
    let ann = Node::new(classic.pub_sub().key("other"));
    ann.engine.start(ann.handle()).await.unwrap();
    ann.enter("/").await;
    let EngineState::Lost { reason } = ann.state().await else { panic!("not lost") };
    assert!(reason.contains("no permissions"), "{reason}");
}

async fn check_pair<E: Engine>(ann: Node<E>, bob: Node<E>) {
    ann.publish(event(&[], 1)).await;
    assert_eq!(bob.received_value().await, 1);
    assert!(ann.engine.census(&"/".into()).await.is_ok());
}

#[tokio::test]
async fn a_malformed_url_is_named() {
    for url in ["127.0.0.1:6379:1", "http://127.0.0.1", ""] {
        assert!(matches!(Redis::connect(url).await, Err(ConnectError::Configuration(_))), "{url}");
    }
}

#[tokio::test]
async fn after_a_restart_of_redis_messages_arrive_again() {
    let mut server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    server.kill();
    for node in [&ann, &bob] {
        assert!(matches!(node.state().await, EngineState::Lost { .. }));
    }
    let message = ClusterMessage { namespace: "/".into(), body: event(&[], "away") };
    let error = ann.engine.publish(std::slice::from_ref(&message)).await.unwrap_err();
    assert_eq!(error.published(), 0);
    assert!(ann.engine.census(&"/".into()).await.is_err());
    // Entered while Redis is away.
    ann.enter("/late").await;
    server.restart();
    assert!(ann.reconnected().await && bob.reconnected().await);
    ann.engine.publish(&[message]).await.unwrap();
    assert_eq!(bob.received_value().await, "away");
    bob.publish_in("/late", event(&[], 2)).await;
    assert_eq!(ann.received_value().await, 2);
}

#[tokio::test]
async fn a_killed_subscription_is_made_again() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let mut connection = server.connection().await;
    for round in 0..3 {
        let killed: u32 =
            cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut connection).await.unwrap();
        assert_eq!(killed, 2);
        assert!(ann.reconnected().await && bob.reconnected().await);
        ann.publish(event(&[], round)).await;
        assert_eq!(bob.received_value().await, round);
    }
}

#[tokio::test]
async fn a_killed_publisher_is_opened_again() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let mut connection = server.connection().await;
    let () = cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query_async(&mut connection).await.unwrap();
    // Only the subscribed connections are left: no message of another node is missing.
    assert!(!ann.reconnected().await);
    ann.publish(event(&[], 1)).await;
    assert_eq!(bob.received_value().await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_subscriber_that_is_cut_off_reports_the_gap() {
    let server = RedisProcess::start_with(&["--client-output-buffer-limit", "pubsub 1mb 0 0"]);
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let text = "x".repeat(64 * 1024);
    {
        let _slow = bob.pause();
        let batch: Vec<_> =
            (0..400).map(|_| ClusterMessage { namespace: "/".into(), body: event(&[], &*text) }).collect();
        for batch in batch.chunks(100) {
            within(ann.engine.publish(batch)).await.unwrap();
        }
    }
    assert!(bob.reconnected().await);
    ann.publish(event(&[], "live again")).await;
    let mut arrived = 0;
    while bob.received_value().await != "live again" {
        arrived += 1;
    }
    assert!((1..400).contains(&arrived), "{arrived} of 400");
}

#[tokio::test]
async fn an_engine_stops_while_redis_is_away() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().pub_sub()).await;
    drop(server);
    assert!(matches!(ann.state().await, EngineState::Lost { .. }));
    within(ann.engine.stop()).await;
}
