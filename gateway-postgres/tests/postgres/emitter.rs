//! The emitter, and what it refuses.

use bytes::Bytes;
use gateway_core::cluster::{EventPacket, MessageBody, Selector};
use gateway_core::extract::{Args, RawArgs, ToArgs};
use gateway_postgres::{Emitter, PostgresError};

use crate::support::{TestNode, database_of_its_own, event, text};

fn selector(rooms: &[&str], except: &[&str]) -> Selector {
    let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Selector { rooms: owned(rooms), except: owned(except), ..Selector::default() }
}

async fn body(node: &mut TestNode) -> MessageBody {
    let received = node.message().await;
    assert_eq!(received.from, None);
    received.message.body
}

#[tokio::test]
async fn all_that_an_emitter_sends_arrives() {
    let database = database_of_its_own!();
    let mut node = TestNode::start(&database.url, &["/", "/chat"]).await;
    let emitter = Emitter::connect(&database.url).await.unwrap();
    emitter.emit("a", &1).await.unwrap();
    let args = RawArgs::one(&1).unwrap();
    let packet = EventPacket { event: "a".to_owned(), args };
    assert_eq!(body(&mut node).await, MessageBody::Broadcast { packet, to: Selector::default() });
    let target = emitter.of("chat").to("r").to("s").except("x").volatile().uncompressed();
    target.emit("b", &Args((Bytes::from_static(b"\0"), 2))).await.unwrap();
    let received = node.message().await;
    assert_eq!(&*received.message.namespace, "/chat");
    let MessageBody::Broadcast { packet, to } = received.message.body else { panic!("no broadcast") };
    assert_eq!(packet.args, Args((Bytes::from_static(b"\0"), 2)).to_args().unwrap());
    assert!(to.flags.volatile && to.flags.uncompressed && to.rooms == ["r", "s"] && to.except == ["x"]);
    let target = emitter.to("r");
    target.join("a").await.unwrap();
    let rooms = vec!["a".to_owned()];
    assert_eq!(body(&mut node).await, MessageBody::Join { to: selector(&["r"], &[]), rooms });
    target.leave("a").await.unwrap();
    let rooms = vec!["a".to_owned()];
    assert_eq!(body(&mut node).await, MessageBody::Leave { to: selector(&["r"], &[]), rooms });
    emitter.except("x").disconnect().await.unwrap();
    assert_eq!(body(&mut node).await, MessageBody::Disconnect { to: selector(&[], &["x"]), close: false });
    target.disconnect_connections().await.unwrap();
    assert_eq!(body(&mut node).await, MessageBody::Disconnect { to: selector(&["r"], &[]), close: true });
    emitter.server_side_emit("jobs", &"done").await.unwrap();
    assert!(matches!(body(&mut node).await, MessageBody::ServerEvent(packet) if packet.event == "jobs"));
    // It is no node.
    assert!(node.census("/").await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let database = database_of_its_own!();
    let emitter = Emitter::connect(&database.url).await.unwrap();
    assert!(matches!(emitter.emit("disconnect", &()).await, Err(PostgresError::ReservedEvent(_))));
    let deep = emitter.of(&"a".repeat(53));
    assert!(matches!(deep.emit("a", &()).await, Err(PostgresError::ChannelName(_))));
}

#[tokio::test]
async fn an_emitter_connects_again_after_a_loss() {
    let database = database_of_its_own!();
    let mut node = TestNode::start(&database.url, &["/"]).await;
    let emitter = Emitter::connect(&database.url).await.unwrap();
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1 AND \
        query NOT LIKE '%LISTEN%' AND query LIKE '%pg_backend_pid%' AND pid <> pg_backend_pid()";
    let client = database.client().await;
    // The emitter's connection has executed nothing since it was opened; the engine's has sent a heartbeat.
    let ended: i64 = client.query_one(others, &[&database.name]).await.unwrap().get(0);
    assert_eq!(ended, 1);
    while emitter.emit("again", &"x").await.is_err() {}
    let body = body(&mut node).await;
    assert_eq!((event(&body), &*text(&body)), ("again", "x"));
}
