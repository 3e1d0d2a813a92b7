//! Sessions that any node takes, and what their clients missed.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::cluster::{ClusterMessage, Engine, LogPage, MessageBody, RecordState, RecoveryStore, StoredSession};
use gateway_redis::Streams;
use redis::cmd;
use serde_json::json;

use crate::nodes::{Node, event, to, within};
use crate::redis_process::RedisProcess;

const MINUTE: Duration = Duration::from_mins(1);

fn store(node: &Node<Streams>) -> &dyn RecoveryStore {
    node.engine.recovery().unwrap()
}

fn session() -> StoredSession {
    let mut session = StoredSession::new("private", "socket");
    session.rooms = vec!["socket".to_owned(), "r".to_owned()];
    session.data = json!({"name": "Ann"});
    session.user = Some("ann".to_owned());
    session
}

#[tokio::test]
async fn a_session_is_taken_once_by_any_node() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    store(&ann).save(&session(), MINUTE).await.unwrap();
    let (one, other) = tokio::join!(store(&ann).take("private"), store(&bob).take("private"));
    let taken: Vec<_> = [one.unwrap(), other.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken, [session()]);
    // Of a session that was taken, the node that had it learns.
    let update = async |by: &Node<Streams>, written: &[StoredSession], to: &StoredSession| {
        store(by).update(written, to, MINUTE).await.unwrap()
    };
    assert_eq!(update(&ann, &[session()], &session()).await, RecordState::Missing);
    let mut other = session();
    other.node = Some("bob".to_owned());
    store(&bob).save(&other, MINUTE).await.unwrap();
    assert_eq!(store(&ann).find("private").await.unwrap(), Some(other.clone()));
    assert_eq!(update(&ann, &[session()], &session()).await, RecordState::OfAnother);
    assert_eq!(update(&bob, &[session(), other.clone()], &other).await, RecordState::Stored);
    assert_eq!(store(&bob).take("private").await.unwrap(), Some(other));
    assert_eq!(store(&bob).take("private").await.unwrap(), None);
}

#[tokio::test]
async fn a_session_is_kept_for_its_time() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().streams().session_key_prefix("s:")).await;
    let mut connection = server.connection().await;
    let mut left = async || -> i64 { cmd("PTTL").arg("s:private").query_async(&mut connection).await.unwrap() };
    store(&ann).save(&session(), Duration::from_secs(10)).await.unwrap();
    assert!((1..=10_000).contains(&left().await));
    assert_eq!(store(&ann).update(&[session()], &session(), MINUTE).await.unwrap(), RecordState::Stored);
    assert!((10_001..=60_000).contains(&left().await));
    let mut changed = session();
    changed.rooms.push("more".to_owned());
    assert_eq!(store(&ann).update(&[session()], &changed, MINUTE * 2).await.unwrap(), RecordState::Stored);
    assert!((60_001..=120_000).contains(&left().await));
    assert_eq!(store(&ann).take("private").await.unwrap(), Some(changed));
    store(&ann).save(&session(), MINUTE).await.unwrap();
    store(&ann).forget("private").await.unwrap();
    assert_eq!(store(&ann).take("private").await.unwrap(), None);
    store(&ann).save(&session(), Duration::ZERO).await.unwrap();
    within(async { while left().await != -2 {} }).await;
}

#[tokio::test]
async fn a_record_of_node_is_taken_and_an_unreadable_one_is_none() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().streams()).await;
    let mut connection = server.connection().await;
    for (record, is_session) in [("hKNzaWShc6NwaWShcKVyb29tc5GhcqRkYXRhgA==", true), ("?", false)] {
        let () = cmd("SET").arg("sio:session:p").arg(record).query_async(&mut connection).await.unwrap();
        let taken = store(&ann).take("p").await.unwrap();
        assert_eq!(
            taken.map(|session| (session.socket_id, session.rooms)),
            is_session.then(|| { ("s".to_owned(), vec!["r".to_owned()]) })
        );
    }
}

async fn page(node: &Node<Streams>, namespace: &str, offset: &str) -> Option<LogPage> {
    store(node).messages_after(&namespace.into(), offset).await.unwrap()
}

#[tokio::test]
async fn what_was_missed_is_read_from_the_log() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.streams()).await, Node::start(redis.streams()).await);
    ann.enter("/other").await;
    let seen = ann.publish(event(&[], 0)).await.offset.unwrap();
    let join = MessageBody::Join { to: to(&["r"]), rooms: vec!["x".to_owned()] };
    let mut expected = Vec::new();
    for body in [event(&["r"], 1), join, event(&[], 2)] {
        let offset = ann.publish(body.clone()).await.offset.unwrap();
        expected.push((offset, ClusterMessage { namespace: "/".into(), body }));
    }
    let elsewhere = ann.publish_in("/other", event(&[], 3)).await.offset.unwrap();
    for node in [&ann, &bob] {
        let page = page(node, "/", &seen).await.unwrap();
        assert_eq!(page, LogPage { messages: expected.clone(), next: elsewhere.clone(), is_last: true });
    }
    let end = page(&bob, "/", &elsewhere).await.unwrap();
    assert_eq!(end, LogPage { messages: Vec::new(), next: elsewhere, is_last: true });
    for unknown in ["", "0-0", "1-1", "99999999999999-0", "x", "1-1-1", "$"] {
        assert_eq!(page(&ann, "/", unknown).await, None, "{unknown}");
    }
}

#[tokio::test]
async fn the_log_is_read_page_by_page_until_it_is_too_old() {
    let server = RedisProcess::start();
    let ann = Node::start(server.redis().streams().max_len(1500)).await;
    let first = ann.publish(event(&[], 0)).await.offset.unwrap();
    let more: Vec<_> =
        (1..=1234).map(|number| ClusterMessage { namespace: Arc::from("/"), body: event(&[], number) }).collect();
    ann.publish_all(&more).await;
    let (mut offset, mut read, mut pages) = (first.clone(), Vec::new(), 0);
    loop {
        let page = page(&ann, "/", &offset).await.unwrap();
        pages += 1;
        read.extend(page.messages.into_iter().map(|(_, message)| message));
        offset = page.next;
        if page.is_last {
            break;
        }
    }
    assert_eq!((read == more, pages), (true, 3));
    ann.publish_all(&more).await;
    assert_eq!(page(&ann, "/", &first).await, None);
    assert!(page(&ann, "/", &offset).await.is_some());
}
