//! Streams between nodes.

use std::time::Duration;

use gateway_core::cluster::{
    Answer, Census, ClusterMessage, Engine, EngineState, EventPacket, MessageBody, Published, Question,
};
use gateway_core::extract::RawArgs;
use redis::{Value, cmd};
use serde_json::json;

use crate::nodes::{Node, event, packet, to, within};
use crate::redis_process::RedisProcess;

fn numbered(number: u32) -> ClusterMessage {
    ClusterMessage { namespace: "/".into(), body: event(if number.is_multiple_of(2) { &["r"] } else { &[] }, number) }
}

/// Checks that a node received the numbers in their order, each once.
async fn expect_numbers<E: Engine>(node: &Node<E>, numbers: std::ops::Range<u32>) {
    for number in numbers {
        assert_eq!(node.received_value().await, number);
    }
}

#[tokio::test]
async fn an_event_has_its_place_in_the_stream() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    assert_eq!(ann.engine.node_id().as_str().len(), 16);
    let published = ann.publish(event(&["r"], 1)).await;
    let received = bob.received().await;
    assert_eq!((received.from.as_ref(), received.message.body), (Some(ann.engine.node_id()), event(&["r"], 1)));
    assert!(received.offset.is_some());
    assert_eq!(received.offset, published.offset);
    bob.publish(event(&[], 2)).await;
    assert_eq!(ann.received_value().await, 2);
    // Who comes later reads nothing of before.
    let cid = Node::start(redis.streams()).await;
    ann.publish(event(&[], 3)).await;
    assert_eq!(cid.received_value().await, 3);
}

#[tokio::test]
async fn every_kind_of_message_arrives_as_it_was_sent() {
    let server = RedisProcess::start();
    let redis = server.redis();
    for sharded in [false, true] {
        let node = || redis.streams().use_sharded_pub_sub(sharded).channel_prefix("p").stream_name("s");
        let (ann, bob) = (Node::start(node()).await, Node::start(node()).await);
        assert_eq!(ann.engine.census(&"/".into()).await.unwrap(), Census::Count(1));
        let args = RawArgs::each(&(1, bytes::Bytes::from_static(b"\0\xff"), "x")).unwrap();
        let binary = EventPacket { event: "bin".to_owned(), args };
        let ask = |question| MessageBody::Ask { request: "00ff".to_owned(), question };
        for body in [
            event(&["a", "b"], json!({"deep": [1.5, null, "ü"]})),
            MessageBody::Broadcast { packet: binary.clone(), to: to(&["a"]) },
            MessageBody::Join { to: to(&["a"]), rooms: vec!["x".to_owned()] },
            MessageBody::Leave { to: to(&["a"]), rooms: vec!["x".to_owned()] },
            MessageBody::Disconnect { to: to(&[]), close: true },
            MessageBody::ServerEvent(packet("ping", 1)),
            ask(Question::Sockets(to(&["a"]))),
            ask(Question::Rooms),
            ask(Question::ServerEvent(packet("ping", 1))),
            ask(Question::BroadcastWithAck { packet: binary, to: to(&["a"]) }),
        ] {
            ann.publish(body.clone()).await;
            assert_eq!(bob.received().await.message.body, body);
        }
        let answer = Answer::ClientAck(RawArgs::one(&bytes::Bytes::from_static(b"\x01")).unwrap());
        let asker = ann.engine.node_id().clone();
        let body = MessageBody::Answer { request: "00ff".to_owned(), asker, answer };
        bob.publish(body.clone()).await;
        assert_eq!(ann.received().await.message.body, body);
        ann.expect_nothing_more().await;
    }
}

#[tokio::test]
async fn an_entry_is_that_of_node() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().streams()).await;
    let id = ann.publish(event(&["room1"], "x")).await.offset.unwrap();
    let mut connection = server.connection().await;
    let entries: Vec<(String, Vec<String>)> =
        cmd("XRANGE").arg("socket.io").arg("-").arg("+").query_async(&mut connection).await.unwrap();
    let data = r#"{"packet":{"type":2,"data":["hello","x"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}}"#;
    let fields = ["uid", ann.engine.node_id().as_str(), "nsp", "/", "type", "3", "data", data].map(str::to_owned);
    assert_eq!(entries, [(id, fields.to_vec())]);
}

#[tokio::test]
async fn entries_of_others_are_read_or_ignored() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().streams()).await;
    let mut connection = server.connection().await;
    let mut add = async |fields: &[&str]| {
        let _: String = cmd("XADD").arg("socket.io").arg("*").arg(fields).query_async(&mut connection).await.unwrap();
    };
    add(&["what", "ever"]).await;
    add(&["nsp", "/other", "type", "3"]).await;
    add(&["nsp", "/", "uid", "a", "type", "1"]).await;
    add(&["nsp", "/", "uid", "a", "type", "77"]).await;
    assert!(!ann.ignored().await.is_empty());
    // Of the emitter for streams.
    add(&["nsp", "/", "uid", "emitter", "type", "9", "data", r#"{"packet":["ping",1]}"#]).await;
    let received = ann.received().await;
    assert_eq!((received.from, received.message.body), (None, MessageBody::ServerEvent(packet("ping", 1))));
    // What Node's adapter writes for binary data.
    let data = "gqZwYWNrZXSCpHR5cGUCpGRhdGGTo2JpbsQCAQLW/wAAAACkb3B0c4Olcm9vbXOQpmV4Y2VwdJClZmxhZ3OA";
    add(&["uid", "a", "nsp", "/", "type", "3", "data", data]).await;
    let MessageBody::Broadcast { packet, .. } = ann.received().await.message.body else { panic!("no event") };
    assert_eq!(packet.args.read::<bytes::Bytes>(0).unwrap(), &b"\x01\x02"[..]);
    assert_eq!(packet.args.read::<String>(1).unwrap(), "1970-01-01T00:00:00.000Z");
}

#[tokio::test]
async fn namespaces_have_the_streams_that_node_gives_them() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let node = || redis.streams().stream_count(4);
    let (ann, bob) = (Node::start(node()).await, Node::start(node()).await);
    let mut connection = server.connection().await;
    for (namespace, stream) in [("/", "socket.io-3"), ("/notifications", "socket.io--3"), ("/chat", "socket.io-3")] {
        ann.enter(namespace).await;
        bob.enter(namespace).await;
        let before: u32 = cmd("XLEN").arg(stream).query_async(&mut connection).await.unwrap();
        ann.publish_in(namespace, event(&[], namespace)).await;
        assert_eq!(bob.received_value().await, namespace);
        let after: u32 = cmd("XLEN").arg(stream).query_async(&mut connection).await.unwrap();
        assert_eq!(after, before + 1, "{namespace}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_connections_are_killed() {
    const COUNT: u32 = 4000;
    let server = RedisProcess::start();
    let redis = server.builder().backoff(Duration::from_millis(1), Duration::from_millis(5)).build().unwrap();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    let mut connection = server.connection().await;
    let killing = tokio::spawn(async move {
        loop {
            let _: Value =
                cmd("CLIENT").arg("KILL").arg("TYPE").arg("normal").query_async(&mut connection).await.unwrap();
            // Spreads the kills over the batches below; nothing is concluded from the time.
            tokio::time::sleep(Duration::from_millis(7)).await;
        }
    });
    let messages: Vec<_> = (0..COUNT).map(numbered).collect();
    for batch in messages.chunks(100) {
        ann.publish_all(batch).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killing.abort();
    expect_numbers(&bob, 0..COUNT).await;
    ann.expect_nothing_more().await;
}

#[tokio::test]
async fn an_entry_whose_confirmation_was_lost_is_not_written_again() {
    let server = RedisProcess::start_with(&["--enable-debug-command", "yes"]);
    let redis = server.builder().response_timeout(Duration::from_millis(200)).build().unwrap();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(server.redis().streams()).await);
    let messages: Vec<_> = (0..50).map(numbered).collect();
    let before = ann.publish_all(&messages[..10]).await;
    assert!(before.iter().all(|published| published.offset.is_some()));
    let mut connection = server.connection().await;
    let mut sleep = cmd("DEBUG");
    sleep.arg("SLEEP").arg("1");
    let (asleep, failed) = tokio::join!(sleep.query_async::<Value>(&mut connection), async {
        // The server takes the commands from its socket when it wakes up.
        tokio::task::yield_now().await;
        within(ann.engine.publish(&messages[10..])).await
    });
    let _ = asleep;
    let published = match failed {
        Ok(published) => published,
        Err(error) => {
            assert_eq!(error.published(), 0);
            ann.publish_all(&messages[10..]).await
        }
    };
    assert!(published.iter().all(|published| published.offset.is_some()), "{published:?}");
    expect_numbers(&bob, 0..50).await;
    let mut connection = server.connection().await;
    let length: u32 = cmd("XLEN").arg("socket.io").query_async(&mut connection).await.unwrap();
    assert_eq!(length, 50);
}

#[tokio::test]
async fn a_replica_gets_nothing_until_it_is_a_master() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    ann.publish(event(&[], 0)).await;
    let mut connection = server.connection().await;
    let mut replica = async |host: &str, port: &str| {
        let () = cmd("REPLICAOF").arg(host).arg(port).query_async(&mut connection).await.unwrap();
    };
    replica("127.0.0.1", "1").await;
    let messages = [numbered(1), numbered(2)];
    let error = within(ann.engine.publish(&messages)).await.unwrap_err();
    assert_eq!(error.published(), 0);
    replica("NO", "ONE").await;
    let published = ann.publish_all(&messages).await;
    assert!(published.iter().all(|published| published.offset.is_some()));
    expect_numbers(&bob, 0..3).await;
}

#[tokio::test]
async fn a_server_without_memory_gets_the_messages_later() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    let mut connection = server.connection().await;
    let mut limit = async |bytes: &str| {
        let () = cmd("CONFIG").arg("SET").arg("maxmemory").arg(bytes).query_async(&mut connection).await.unwrap();
    };
    limit("1").await;
    assert_eq!(within(ann.engine.publish(&[numbered(0)])).await.unwrap_err().published(), 0);
    limit("0").await;
    ann.publish_all(&[numbered(0)]).await;
    expect_numbers(&bob, 0..1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_node_that_falls_behind_reports_how_much_is_missing() {
    const COUNT: u32 = 1500;
    let server = RedisProcess::start();
    let redis = server.redis();
    let node = || redis.streams().max_len(200);
    let (ann, bob) = (Node::start(node()).await, Node::start(node()).await);
    let messages: Vec<_> = (0..COUNT).map(numbered).collect();
    ann.publish_all(&messages[..1]).await;
    expect_numbers(&bob, 0..1).await;
    {
        let _slow = bob.pause();
        for batch in messages[1..].chunks(100) {
            ann.publish_all(batch).await;
        }
    }
    let mut seen = vec![0];
    while *seen.last().unwrap() != COUNT - 1 {
        seen.push(u32::try_from(bob.received_value().await.as_u64().unwrap()).unwrap());
    }
    assert!(seen.is_sorted_by(|one, next| one < next));
    let EngineState::Gap { messages: Some(missing) } = bob.state().await else { panic!("no gap") };
    assert_eq!(missing, u64::from(COUNT) - seen.len() as u64);
    assert!(missing > 500, "{missing}");
}

#[tokio::test]
async fn after_a_server_lost_its_data_the_stream_is_read_from_its_beginning() {
    let mut server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    ann.publish_all(&[numbered(0)]).await;
    expect_numbers(&bob, 0..1).await;
    server.restart();
    let published = ann.publish_all(&[numbered(1), numbered(2)]).await;
    assert!(published.iter().all(|published| *published != Published::without_offset()));
    expect_numbers(&bob, 1..3).await;
    // The connections may be lost one after the other.
    while !bob.reconnected().await {}
}

#[tokio::test]
async fn questions_are_answered_after_a_loss() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    let mut connection = server.connection().await;
    let _: Value = cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut connection).await.unwrap();
    // No event is missing.
    assert!(!ann.reconnected().await && !bob.reconnected().await);
    let body = MessageBody::Ask { request: "q".to_owned(), question: Question::Rooms };
    ann.publish(body.clone()).await;
    assert_eq!(bob.received().await.message.body, body);
}
