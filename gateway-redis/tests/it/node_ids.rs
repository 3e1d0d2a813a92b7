//! Nodes that Redis counts twice: another one with the same id, and a connection whose end Redis has not noticed.

use gateway_core::cluster::{Census, Engine};
use gateway_redis::{Redis, SubscriptionMode};
use redis::cmd;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast;

use crate::nodes::{Node, event};
use crate::redis_process::RedisProcess;

/// Subscribes to the channel that only a node with the id of this one is subscribed to, and starts the node.
async fn check_engine<E: Engine>(server: &RedisProcess, engine: E, channel: impl Fn(&str) -> (&'static str, String)) {
    let name = engine.name();
    let (subscribe, channel) = channel(engine.node_id().as_str());
    let ann = Node::new(engine);
    ann.engine.start(ann.handle()).await.unwrap();
    let mut twin = server.connection().await;
    ann.enter("/before").await;
    assert!(!ann.has_duplicate_id().await, "{name}");
    let () = cmd(subscribe).arg(&channel).query_async(&mut twin).await.unwrap();
    ann.engine.exit_namespace(&"/before".into()).await;
    ann.enter("/").await;
    ann.duplicate_id().await;

    drop(twin);
    let mut connection = server.connection().await;
    let () = cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut connection).await.unwrap();
    ann.reconnected().await;
    assert_eq!(ann.engine.census(&"/".into()).await.unwrap(), Census::Count(0), "{name}");
    // Confirmed after the look at the number of nodes.
    ann.enter("/later").await;
    assert!(!ann.has_duplicate_id().await, "{name}: a loss makes no second node");
}

#[tokio::test]
async fn another_node_with_the_own_id_is_noticed() {
    let server = RedisProcess::start();
    let redis = server.redis();
    check_engine(&server, redis.pub_sub(), |id| ("SUBSCRIBE", format!("socket.io-response#/#{id}#"))).await;
    for mode in [SubscriptionMode::Static, SubscriptionMode::Dynamic, SubscriptionMode::DynamicPrivate] {
        let engine = redis.sharded().subscription_mode(mode);
        check_engine(&server, engine, |id| ("SSUBSCRIBE", format!("socket.io#/#{id}#"))).await;
    }
    check_engine(&server, redis.streams(), |id| ("SUBSCRIBE", format!("socket.io#/#{id}#"))).await;
    let sharded = redis.streams().use_sharded_pub_sub(true);
    check_engine(&server, sharded, |id| ("SSUBSCRIBE", format!("socket.io#/#{id}#"))).await;
}

#[tokio::test]
async fn an_engine_serves_one_server_at_a_time() {
    async fn check(engine: impl Engine) {
        let ann = Node::start(engine).await;
        let error = ann.engine.start(ann.handle()).await.unwrap_err();
        assert!(error.to_string().contains("serves a server already"), "{error}");
        ann.enter("/still").await;
        ann.engine.stop().await;
        ann.engine.start(ann.handle()).await.unwrap();
    }
    let server = RedisProcess::start();
    let redis = server.redis();
    check(redis.pub_sub()).await;
    check(redis.sharded()).await;
    check(redis.streams()).await;
}

/// A network that forgets connections: one end reads that it is closed, the other reads nothing more.
struct ForgetfulNetwork {
    port: u16,
    forget: broadcast::Sender<()>,
}

impl ForgetfulNetwork {
    async fn before(server: &RedisProcess) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let forget = broadcast::Sender::new(1);
        let (forgotten, target) = (forget.clone(), server.port);
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let mut forgotten = forgotten.subscribe();
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        _ = forgotten.recv() => {
                            drop(client);
                            // Redis believes in the connection until its own end.
                            let mut last = Vec::new();
                            let _ = tokio::io::AsyncReadExt::read_to_end(&mut server, &mut last).await;
                        }
                    }
                });
            }
        });
        Self { port, forget }
    }

    fn redis(&self) -> Redis {
        Redis::builder(format!("redis://127.0.0.1:{}", self.port)).build().unwrap()
    }
}

#[tokio::test]
async fn a_connection_whose_end_redis_has_not_noticed_is_no_node() {
    async fn check<E: Engine>(network: &ForgetfulNetwork, engines: [E; 2]) {
        let [ann, bob] = engines;
        let (ann, bob) = (Node::start(ann).await, Node::start(bob).await);
        let name = ann.engine.name();
        network.forget.send(()).unwrap();
        ann.reconnected().await;
        assert_eq!(bob.engine.census(&"/".into()).await.unwrap(), Census::Count(1), "{name}");
        ann.enter("/other").await;
        bob.publish(event(&[], 1)).await;
        assert_eq!(ann.received_value().await, 1, "{name}");
        assert!(!ann.has_duplicate_id().await, "{name}");
        ann.engine.stop().await;
    }
    let server = RedisProcess::start();
    let network = ForgetfulNetwork::before(&server).await;
    let (cut, whole) = (network.redis(), server.redis());
    check(&network, [cut.pub_sub(), whole.pub_sub()]).await;
    check(&network, [cut.sharded(), whole.sharded()]).await;
    check(&network, [cut.streams(), whole.streams()]).await;
}
