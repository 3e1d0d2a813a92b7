//! Classic publish and subscribe between nodes.

use std::sync::Arc;

use gateway_core::cluster::{
    Answer, Census, ClusterMessage, Engine, EventPacket, MessageBody, NodeId, Question, RemoteSocket,
};
use gateway_core::extract::RawArgs;
use redis::cmd;
use serde_json::json;

use crate::nodes::{Node, event, packet, to, within};
use crate::redis_process::RedisProcess;

fn slash() -> Arc<str> {
    "/".into()
}

#[tokio::test]
async fn an_event_reaches_the_other_nodes_and_not_its_own() {
    let server = RedisProcess::start();
    let (redis, other) = (server.redis(), server.redis());
    let (ann, bob, cid) =
        (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await, Node::start(other.pub_sub()).await);
    ann.publish(event(&[], 1)).await;
    for node in [&bob, &cid] {
        let received = node.received().await;
        assert_eq!(received.from.as_ref(), Some(ann.engine.node_id()));
        assert_eq!(&*received.message.namespace, "/");
        assert_eq!(received.message.body, event(&[], 1));
    }
    bob.publish(event(&["r"], 2)).await;
    assert_eq!(ann.received().await.message.body, event(&["r"], 2));
    ann.expect_nothing_more().await;
}

#[tokio::test]
async fn every_kind_of_message_arrives_as_it_was_sent() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let rooms = || vec!["x1".to_owned(), "x#2*[".to_owned()];
    let args = RawArgs::each(&(1, bytes::Bytes::from_static(b"\0\xff"), "x")).unwrap();
    let binary = EventPacket { event: "bin".to_owned(), args };
    let ask = |question| MessageBody::Ask { request: "q".to_owned(), question };
    for body in [
        event(&["a", "b"], json!({"deep": [1.5, null, "ü"]})),
        event(&["x#2*["], 1),
        MessageBody::Broadcast { packet: binary.clone(), to: to(&["a"]) },
        MessageBody::Join { to: to(&["a"]), rooms: rooms() },
        MessageBody::Leave { to: to(&["a"]), rooms: rooms() },
        MessageBody::Disconnect { to: to(&[]), close: true },
        MessageBody::ServerEvent(packet("ping", 1)),
        ask(Question::Sockets(to(&["a"]))),
        ask(Question::Rooms),
        ask(Question::ServerEvent(packet("ping", 1))),
        ask(Question::BroadcastWithAck { packet: binary, to: to(&[]) }),
    ] {
        ann.publish(body.clone()).await;
        assert_eq!(bob.received().await.message.body, body);
    }
    ann.expect_nothing_more().await;
}

#[tokio::test]
async fn answers_reach_the_node_that_asked() {
    let server = RedisProcess::start();
    for only_asker in [false, true] {
        let redis = server.redis();
        let node = || redis.pub_sub().publish_on_specific_response_channel(only_asker);
        let (ann, bob, cid) = (Node::start(node()).await, Node::start(node()).await, Node::start(node()).await);
        let question = MessageBody::Ask { request: "q".to_owned(), question: Question::Rooms };
        ann.publish(question).await;
        let asker = bob.received().await.from.unwrap();
        assert_eq!(asker, *ann.engine.node_id());
        cid.received().await;
        let mut socket = RemoteSocket::new("s");
        socket.data = json!({"n": 1});
        for answer in [
            Answer::Sockets(vec![socket]),
            Answer::Rooms(vec!["r".to_owned()]),
            Answer::ClientCount(0),
            Answer::ClientAck(RawArgs::one(&bytes::Bytes::from_static(b"\x01")).unwrap()),
            Answer::ServerEvent(RawArgs::one(&json!({"got": 2})).unwrap()),
        ] {
            let body = MessageBody::Answer { request: "q".to_owned(), asker: asker.clone(), answer };
            bob.publish(body.clone()).await;
            assert_eq!(ann.received().await.message.body, body);
        }
        // An answer to nobody's question, and one that all nodes could read.
        let unasked = Answer::ClientCount(1);
        bob.publish(MessageBody::Answer { request: "x".to_owned(), asker, answer: unasked }).await;
        bob.publish(event(&[], "last")).await;
        assert_eq!(ann.received_value().await, "last");
        assert_eq!(cid.received_value().await, "last");
    }
}

#[tokio::test]
async fn old_nodes_get_the_ids_of_sockets() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().pub_sub()).await;
    let mut connection = server.connection().await;
    let mut listener = redis::Client::open(server.url()).unwrap().get_async_pubsub().await.unwrap();
    listener.subscribe("socket.io-response#/#").await.unwrap();
    let question = r#"{"requestid":"q","type":0,"rooms":["r"]}"#;
    let () = cmd("PUBLISH").arg("socket.io-request#/#").arg(question).query_async(&mut connection).await.unwrap();
    let asked = ann.received().await;
    assert_eq!(
        asked.message.body,
        MessageBody::Ask { request: "q".to_owned(), question: Question::Sockets(to(&["r"])) }
    );
    let answer = Answer::Sockets(vec![RemoteSocket::new("s")]);
    ann.publish(MessageBody::Answer { request: "q".to_owned(), asker: asked.from.unwrap(), answer }).await;
    let mut messages = listener.into_on_message();
    let message = within(std::future::poll_fn(|cx| {
        let stream = std::pin::Pin::new(&mut messages);
        futures_core::Stream::poll_next(stream, cx)
    }))
    .await
    .unwrap();
    assert_eq!(message.get_payload_bytes(), br#"{"requestId":"q","sockets":["s"]}"#);
}

#[tokio::test]
async fn the_census_counts_the_other_nodes_of_a_namespace() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let check = async |namespace: &str, expected| {
        assert_eq!(ann.engine.census(&namespace.into()).await.unwrap(), Census::Count(expected));
    };
    check("/", 1).await;
    check("/chat", 0).await;
    bob.enter("/chat").await;
    ann.enter("/chat").await;
    check("/chat", 1).await;
    bob.engine.exit_namespace(&"/chat".into()).await;
    check("/chat", 0).await;
    bob.engine.stop().await;
    // Redis notices the end of a connection by itself.
    within(async { while ann.engine.census(&slash()).await.unwrap() != Census::Count(0) {} }).await;
}

#[tokio::test]
async fn a_namespace_that_was_left_is_not_received() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    bob.enter("/a[1]").await;
    ann.publish_in("/a[1]", event(&["r"], 1)).await;
    assert_eq!(&*bob.received().await.message.namespace, "/a[1]");
    bob.engine.exit_namespace(&"/a[1]".into()).await;
    ann.publish_in("/a[1]", event(&["r"], 2)).await;
    ann.publish(event(&[], 3)).await;
    assert_eq!(bob.received_value().await, 3);
    bob.enter("/a[1]").await;
    ann.publish_in("/a[1]", event(&[], 4)).await;
    assert_eq!(bob.received_value().await, 4);
}

#[tokio::test]
async fn clusters_with_different_keys_do_not_see_each_other() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let one = || redis.pub_sub().key("one");
    let (ann, bob) = (Node::start(one()).await, Node::start(one()).await);
    let (eve, fay) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    assert_eq!(ann.engine.census(&slash()).await.unwrap(), Census::Count(1));
    eve.publish(event(&[], "other")).await;
    assert_eq!(fay.received_value().await, "other");
    ann.publish(event(&[], "own")).await;
    assert_eq!(bob.received_value().await, "own");
    bob.expect_nothing_more().await;
}

#[tokio::test]
async fn foreign_messages_are_ignored_and_counted() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().pub_sub()).await;
    let mut connection = server.connection().await;
    for (channel, message) in [
        ("socket.io#/#", "hello"),
        ("socket.io#/#room#", r#"{"type":3,"data":{},"uid":"a","nsp":"/"}"#),
        ("socket.io-request#/#", r#"{"type":77}"#),
        ("socket.io-response#/#", ""),
    ] {
        let () = cmd("PUBLISH").arg(channel).arg(message).query_async(&mut connection).await.unwrap();
        assert!(!ann.ignored().await.is_empty());
    }
}

#[tokio::test]
async fn messages_of_a_node_keep_their_order() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let message = |number: u32| ClusterMessage {
        namespace: slash(),
        body: event(if number.is_multiple_of(2) { &["r"] } else { &[] }, number),
    };
    for batch in 0..20 {
        let batch: Vec<_> = (0..128).map(|number| message(batch * 128 + number)).collect();
        assert_eq!(ann.engine.publish(&batch).await.unwrap().len(), 128);
    }
    for number in 0..20 * 128 {
        assert_eq!(bob.received_value().await, number);
    }
}

#[tokio::test]
async fn the_bytes_are_those_of_node() {
    let server = RedisProcess::start();
    let mut listener = redis::Client::open(server.url()).unwrap().get_async_pubsub().await.unwrap();
    listener.psubscribe("*").await.unwrap();
    let ann = Node::start(server.redis().pub_sub()).await;
    assert_eq!(ann.engine.node_id().as_str().len(), 6);
    ann.publish(event(&["room1"], 1)).await;
    let mut messages = listener.into_on_message();
    let message = within(std::future::poll_fn(|cx| {
        let stream = std::pin::Pin::new(&mut messages);
        futures_core::Stream::poll_next(stream, cx)
    }))
    .await
    .unwrap();
    assert_eq!(message.get_channel_name(), "socket.io#/#room1#");
    let id = NodeId::as_str(ann.engine.node_id()).as_bytes();
    let expected = [
        b"\x93\xa6",
        id,
        b"\x83\xa4type\x02\xa4data\x92\xa5hello\x01\xa3nsp\xa1/\x83\xa5rooms\x91\xa5room1\xa6except\x90\xa5flags\x80",
    ]
    .concat();
    assert_eq!(message.get_payload_bytes(), expected);
}
