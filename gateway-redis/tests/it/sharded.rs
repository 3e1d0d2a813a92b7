//! Shard channels between nodes.

use std::sync::Arc;

use gateway_core::cluster::{Answer, Census, ClusterMessage, Engine, EventPacket, MessageBody, Question};
use gateway_core::extract::RawArgs;
use gateway_redis::SubscriptionMode;
use redis::cmd;
use serde_json::json;

use crate::nodes::{Node, event, packet, to};
use crate::redis_process::RedisProcess;

fn rooms(rooms: &[&str]) -> Vec<Arc<str>> {
    rooms.iter().map(|room| (*room).into()).collect()
}

#[tokio::test]
async fn a_room_is_received_by_nodes_with_members_only() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob, cid) =
        (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    assert!(bob.engine.routes_rooms());
    let id = "abcdefghijklmnopqrst";
    bob.engine.enter_rooms(&"/".into(), &rooms(&["r1", "r2", "u\0x", id])).await;
    for room in ["r1", "u\0x", id] {
        ann.publish(event(&[room], 1)).await;
        assert_eq!(bob.received().await.message.body, event(&[room], 1));
    }
    // The room of an id has no channel of its own.
    assert_eq!(cid.received().await.message.body, event(&[id], 1));
    bob.engine.exit_rooms(&"/".into(), &rooms(&["r1"])).await;
    ann.publish(event(&["r1"], 2)).await;
    ann.publish(event(&["r1", "r2"], 3)).await;
    for node in [&bob, &cid] {
        assert_eq!(node.received_value().await, 3);
    }
    ann.expect_nothing_more().await;
}

#[tokio::test]
async fn a_room_without_members_on_a_node_costs_it_nothing() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob, cid) =
        (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    bob.engine.enter_rooms(&"/".into(), &rooms(&["busy"])).await;
    let text = "x".repeat(1000);
    for _ in 0..100 {
        ann.publish(event(&["busy"], &*text)).await;
        bob.received_value().await;
    }
    assert!(bob.received_bytes() > 100 * text.len());
    assert_eq!(cid.received_bytes(), 0);
    ann.publish(event(&[], "last")).await;
    assert_eq!(cid.received_value().await, "last");
    assert!(cid.received_bytes() < text.len(), "{} bytes", cid.received_bytes());
}

#[tokio::test]
async fn every_mode_has_its_channels() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let id = "abcdefghijklmnopqrst";
    for (mode, reaches_all) in [(SubscriptionMode::Static, true), (SubscriptionMode::DynamicPrivate, false)] {
        let node = || redis.sharded().channel_prefix("p").subscription_mode(mode);
        let (ann, bob, cid) = (Node::start(node()).await, Node::start(node()).await, Node::start(node()).await);
        assert_eq!(bob.engine.routes_rooms(), !reaches_all);
        bob.engine.enter_rooms(&"/".into(), &rooms(&[id])).await;
        ann.publish(event(&[id], 1)).await;
        ann.publish(event(&[], 2)).await;
        assert_eq!(bob.received_value().await, 1);
        assert_eq!(cid.received_value().await, if reaches_all { 1 } else { 2 });
    }
}

#[tokio::test]
async fn every_kind_of_message_arrives_as_it_was_sent() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    let args = RawArgs::each(&(1, bytes::Bytes::from_static(b"\0\xff"), "x")).unwrap();
    let binary = EventPacket { event: "bin".to_owned(), args };
    let ask = |question| MessageBody::Ask { request: "00ff".to_owned(), question };
    for body in [
        event(&["a", "b"], json!({"deep": [1.5, null, "ü"]})),
        MessageBody::Broadcast { packet: binary.clone(), to: to(&[]) },
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
        let received = bob.received().await;
        assert_eq!((received.from.as_ref(), received.message.body), (Some(ann.engine.node_id()), body));
    }
    let answer = Answer::ClientAck(RawArgs::one(&bytes::Bytes::from_static(b"\x01")).unwrap());
    let asker = ann.engine.node_id().clone();
    let body = MessageBody::Answer { request: "00ff".to_owned(), asker, answer };
    bob.publish(body.clone()).await;
    assert_eq!(ann.received().await.message.body, body);
}

#[tokio::test]
async fn the_census_counts_the_other_nodes() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, _bob) = (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    let _classic = Node::start(redis.pub_sub()).await;
    let _other = Node::start(redis.sharded().channel_prefix("other")).await;
    assert_eq!(ann.engine.census(&"/".into()).await.unwrap(), Census::Count(1));
}

#[tokio::test]
async fn foreign_messages_are_ignored_and_counted() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().sharded()).await;
    let mut connection = server.connection().await;
    for message in ["hello", r#"{"type":77,"data":{},"uid":"a","nsp":"/"}"#, r#"{"type":3}"#] {
        let () = cmd("SPUBLISH").arg("socket.io#/#").arg(message).query_async(&mut connection).await.unwrap();
        assert!(!ann.ignored().await.is_empty());
    }
}

#[tokio::test]
async fn rooms_are_subscribed_again_after_a_loss() {
    let mut server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    // More than are sent at once.
    let many: Vec<Arc<str>> = (0..1000).map(|number| format!("room-{number}").into()).collect();
    bob.engine.enter_rooms(&"/".into(), &many).await;
    bob.engine.exit_rooms(&"/".into(), &many[..1]).await;
    server.restart();
    assert!(ann.reconnected().await && bob.reconnected().await);
    for room in ["room-0", "room-1", "room-999"] {
        ann.publish(event(&[room], room)).await;
    }
    assert_eq!(bob.received_value().await, "room-1");
    assert_eq!(bob.received_value().await, "room-999");
    let mut connection = server.connection().await;
    let killed: u32 = cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut connection).await.unwrap();
    assert_eq!(killed, 2);
    assert!(ann.reconnected().await && bob.reconnected().await);
    ann.publish(event(&["room-7"], 7)).await;
    assert_eq!(bob.received_value().await, 7);
}

#[tokio::test]
async fn messages_of_a_node_keep_their_order() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.sharded()).await, Node::start(redis.sharded()).await);
    bob.engine.enter_rooms(&"/".into(), &rooms(&["r"])).await;
    let message = |number: u32| ClusterMessage {
        namespace: "/".into(),
        body: event(if number.is_multiple_of(2) { &["r"] } else { &[] }, number),
    };
    for batch in 0..20 {
        let batch: Vec<_> = (0..128).map(|number| message(batch * 128 + number)).collect();
        ann.engine.publish(&batch).await.unwrap();
    }
    for number in 0..20 * 128 {
        assert_eq!(bob.received_value().await, number);
    }
}
