//! Messages between nodes, their order, and the nodes that know each other.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::{
    Answer, ClusterMessage, Engine, EventPacket, MessageBody, NodeId, Question, RemoteSocket, Selector,
};
use gateway_core::extract::{RawArgs, ToArgs};
use gateway_postgres::Postgres;

use crate::support::{Heard, TestNode, broadcast, database_of_its_own, event, text};

fn message(body: MessageBody) -> ClusterMessage {
    ClusterMessage { namespace: "/".into(), body }
}

#[tokio::test]
async fn every_kind_of_message_arrives_at_the_other_node_only() {
    let database = database_of_its_own!();
    let mut ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    let packet = || EventPacket { event: "e".to_owned(), args: "x".to_args().unwrap() };
    let to = || Selector { rooms: vec!["r\0".to_owned()], except: vec!["\"ü".to_owned()], ..Selector::default() };
    let asker = bob.engine.node_id().clone();
    let ask = |question| MessageBody::Ask { request: "q".to_owned(), question };
    let answer = |answer| MessageBody::Answer { request: "q".to_owned(), asker: asker.clone(), answer };
    let bodies = [
        MessageBody::Broadcast { packet: packet(), to: to() },
        MessageBody::Join { to: to(), rooms: vec!["a".to_owned()] },
        MessageBody::Leave { to: to(), rooms: vec!["a".to_owned()] },
        MessageBody::Disconnect { to: to(), close: true },
        MessageBody::ServerEvent(packet()),
        ask(Question::Sockets(to())),
        ask(Question::Rooms),
        ask(Question::BroadcastWithAck { packet: packet(), to: to() }),
        ask(Question::ServerEvent(packet())),
        answer(Answer::Sockets(vec![RemoteSocket::new("s")])),
        answer(Answer::Rooms(vec!["a".to_owned()])),
        answer(Answer::ClientCount(3)),
        answer(Answer::ClientAck(RawArgs::one(&1).unwrap())),
        answer(Answer::ServerEvent(RawArgs::each(&(1, "2")).unwrap())),
    ];
    let messages: Vec<_> = bodies.iter().cloned().map(message).collect();
    assert_eq!(ann.engine.publish(&messages).await.unwrap().len(), bodies.len());
    for expected in bodies {
        assert_eq!(bob.body_from(&ann).await, expected);
    }
    ann.has_heard_nothing(&bob, "/").await;
}

#[tokio::test]
async fn the_order_of_one_node_is_kept_for_messages_of_all_sizes() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    let large = "x".repeat(20_000);
    for batch in 0..4 {
        let data = |number: usize| if number.is_multiple_of(7) { large.as_str() } else { "small" };
        let numbers = batch * 128..(batch + 1) * 128;
        let messages: Vec<_> = numbers.map(|number| broadcast("/", &number.to_string(), data(number))).collect();
        assert_eq!(ann.engine.publish(&messages).await.unwrap().len(), 128);
    }
    for number in 0..4 * 128 {
        let body = bob.body_from(&ann).await;
        assert_eq!((event(&body), text(&body).len() > 5), (&*number.to_string(), number % 7 == 0));
    }
}

#[tokio::test]
async fn equal_messages_are_all_delivered() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    ann.engine.publish(&vec![broadcast("/", "tick", &()); 5]).await.unwrap();
    for _ in 0..5 {
        assert_eq!(event(&bob.body_from(&ann).await), "tick");
    }
    bob.has_heard_nothing(&ann, "/").await;
}

#[tokio::test]
async fn nodes_know_each_other_by_namespace() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/", "/chat"]).await;
    let bob = TestNode::start(&database.url, &["/"]).await;
    // Without a pause: the census waits until the others have introduced themselves.
    assert_eq!(bob.census("/").await, [ann.engine.node_id().clone()].into());
    ann.knows("/", &[&bob]).await;
    assert!(ann.census("/chat").await.is_empty());
    assert!(ann.census("/unknown").await.is_empty());
    bob.engine.enter_namespace(&Arc::from("/chat")).await;
    ann.knows("/chat", &[&bob]).await;
    bob.knows("/chat", &[&ann]).await;
}

#[tokio::test]
async fn a_node_that_leaves_says_goodbye() {
    let database = database_of_its_own!();
    let mut ann = TestNode::start(&database.url, &["/", "/chat"]).await;
    let bob = TestNode::start(&database.url, &["/", "/chat"]).await;
    ann.knows("/", &[&bob]).await;
    ann.knows("/chat", &[&bob]).await;
    bob.engine.exit_namespace(&Arc::from("/chat")).await;
    ann.knows("/chat", &[]).await;
    ann.knows("/", &[&bob]).await;
    let id = bob.engine.node_id().clone();
    assert!(matches!(ann.next().await, Heard::Left(left) if left == id), "the exit from `/chat`");
    assert_eq!(ann.census("/").await, [id.clone()].into(), "it still serves `/`");
    bob.engine.stop().await;
    assert!(matches!(ann.next().await, Heard::Left(left) if left == id));
    assert!(ann.census("/").await.is_empty());
}

#[tokio::test]
async fn a_node_that_falls_silent_is_gone_after_the_timeout() {
    let database = database_of_its_own!();
    let fast = || {
        let builder = Postgres::builder(&database.url).heartbeat_interval(Duration::from_millis(100));
        builder.heartbeat_timeout(Duration::from_secs(3))
    };
    let mut ann = TestNode::with(fast(), &["/"]).await;
    let bob = TestNode::with(fast(), &["/"]).await;
    let dead = r#"{"type":2,"uid":"00000000deadbeef","nsp":"/"}"#;
    database.notify("socket.io#/", dead).await;
    ann.knows_number("/", 2).await;
    assert!(matches!(ann.next().await, Heard::Left(left) if left == NodeId::new("00000000deadbeef")));
    // The other one was heard of all the time.
    ann.knows("/", &[&bob]).await;
}

#[tokio::test]
async fn an_exited_namespace_is_heard_no_more_and_may_be_entered_again() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/", "/chat"]).await;
    let mut bob = TestNode::start(&database.url, &["/", "/chat"]).await;
    let chat = Arc::from("/chat");
    bob.engine.exit_namespace(&chat).await;
    ann.publish(broadcast("/chat", "unheard", &())).await;
    bob.has_heard_nothing(&ann, "/").await;
    bob.engine.enter_namespace(&chat).await;
    ann.publish(broadcast("/chat", "heard", &())).await;
    assert_eq!(event(&bob.body_from(&ann).await), "heard");
}
