//! Channels, prefixes, and what foreign programs send on them.

use std::sync::Arc;

use gateway_core::cluster::{Engine, MessageBody};
use gateway_postgres::Postgres;

use crate::support::{Heard, TestNode, broadcast, database_of_its_own, event, text};

#[tokio::test]
async fn clusters_with_two_prefixes_do_not_hear_each_other() {
    let database = database_of_its_own!();
    let other = || Postgres::builder(&database.url).channel_prefix("other");
    let mut ann = TestNode::start(&database.url, &["/"]).await;
    let bob = TestNode::start(&database.url, &["/"]).await;
    let mut eve = TestNode::with(other(), &["/"]).await;
    let mallory = TestNode::with(other(), &["/"]).await;
    bob.publish(broadcast("/", "ours", &"x".repeat(9000))).await;
    mallory.publish(broadcast("/", "theirs", &"x".repeat(9000))).await;
    assert_eq!(event(&ann.body_from(&bob).await), "ours");
    assert_eq!(event(&eve.body_from(&mallory).await), "theirs");
    ann.has_heard_nothing(&bob, "/").await;
    eve.has_heard_nothing(&mallory, "/").await;
    ann.knows("/", &[&bob]).await;
    eve.knows("/", &[&mallory]).await;
}

#[tokio::test]
async fn namespaces_have_any_name_up_to_the_limit() {
    let database = database_of_its_own!();
    let longest = format!("/{}", "ü".repeat(26));
    let names = ["/a\"b", "/a'b; DROP", "/[x]*#?", "/Chat", "/chat", &*longest];
    let ann = TestNode::start(&database.url, &names).await;
    let mut bob = TestNode::start(&database.url, &names).await;
    for name in names {
        ann.publish(broadcast(name, "e", name)).await;
        let received = bob.message().await;
        assert_eq!((&*received.message.namespace, &*text(&received.message.body)), (name, name));
    }
}

#[tokio::test]
async fn a_namespace_with_too_long_a_channel_is_refused() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let too_long = format!("/{}", "a".repeat(53));
    let error = ann.engine.check_namespace(&too_long).unwrap_err().to_string();
    assert!(error.contains(&too_long) && error.contains("63 bytes"), "{error}");
    assert!(ann.engine.check_namespace(&too_long[1..]).is_ok());
    // Its messages are dropped one by one, and the others are published.
    let namespace: Arc<str> = too_long.as_str().into();
    ann.engine.enter_namespace(&namespace).await;
    let batch = [broadcast(&too_long, "e", &()), broadcast("/", "e", &())];
    let published = ann.engine.publish(&batch).await.unwrap();
    assert_eq!([published[0].dropped, published[1].dropped], [true, false]);
    assert!(ann.engine.census(&namespace).await.is_err());
}

#[tokio::test]
async fn foreign_notifications_are_ignored_and_named() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    let deep = format!(r#"{{"type":9,"data":{{"packet":["a",{}1{}]}}}}"#, "[".repeat(500), "]".repeat(500));
    let foreign = [
        "",
        "hello",
        "{",
        "[1,2]",
        r#"{"type":99,"data":{}}"#,
        r#"{"type":3,"data":{"packet":5}}"#,
        r#"{"type":2,"uid":"a","nsp":"/chat"}"#,
        r#"{"type":3,"uid":"a","attachmentId":"12345"}"#,
        r#"{"type":3,"uid":"a","attachmentId":"x"}"#,
        &*deep,
    ];
    for payload in foreign {
        database.notify("socket.io#/", payload).await;
        match bob.next().await {
            Heard::Ignored(reason) => assert!(!reason.is_empty()),
            other => panic!("{payload}: {other:?}"),
        }
    }
    database.notify("socket.io#/unknown", r#"{"type":2}"#).await;
    bob.has_heard_nothing(&ann, "/").await;
}

#[tokio::test]
async fn another_node_with_the_own_id_is_noticed() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let mut bob = TestNode::start(&database.url, &["/"]).await;
    bob.publish(broadcast("/", "own", &())).await;
    bob.has_heard_nothing(&ann, "/").await;
    let id = bob.engine.node_id().clone();
    for rest in [r#""type":1,"nsp":"/""#, r#""type":3,"attachmentId":"1""#] {
        database.notify("socket.io#/", &format!(r#"{{"uid":"{id}",{rest}}}"#)).await;
        assert!(matches!(bob.next().await, Heard::DuplicateId), "{rest}");
    }
    bob.has_heard_nothing(&ann, "/").await;
}

#[tokio::test]
async fn an_engine_serves_one_server_at_a_time() {
    let database = database_of_its_own!();
    let ann = TestNode::start(&database.url, &["/"]).await;
    let (_, second) = TestNode::new(Postgres::builder(&database.url).build().unwrap());
    let error = ann.engine.start(second.clone()).await.unwrap_err();
    assert!(error.to_string().contains("serves a server already"), "{error}");
    ann.engine.stop().await;
    ann.engine.start(second).await.unwrap();
}

#[tokio::test]
async fn messages_as_node_writes_them_are_understood() {
    let database = database_of_its_own!();
    let mut ann = TestNode::start(&database.url, &["/"]).await;
    let json = r#"{"type":3,"data":{"packet":{"type":2,"data":["hello","x"]},"opts":{"rooms":["room1"],"except":[],"flags":{}}},"uid":"0f4cc536eaa7f3f5","nsp":"/"}"#;
    database.notify("socket.io#/", json).await;
    let received = ann.message().await;
    assert_eq!(received.from.unwrap().as_str(), "0f4cc536eaa7f3f5");
    assert_eq!((event(&received.message.body), &*text(&received.message.body)), ("hello", "x"));
    // The emitter names neither a namespace nor itself as a node.
    let json = r#"{"type":4,"data":{"opts":{"rooms":["r"],"except":[]},"rooms":["a"]},"uid":"emitter"}"#;
    database.notify("socket.io#/", json).await;
    let received = ann.message().await;
    assert_eq!(received.from, None);
    assert!(matches!(received.message.body, MessageBody::Join { rooms, .. } if rooms == ["a"]));
    ann.knows_number("/", 1).await;
}
