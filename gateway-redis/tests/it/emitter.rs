//! Processes without a server.

use gateway_core::cluster::MessageBody;
use gateway_core::extract::Args;
use gateway_redis::EmitError;
use serde_json::json;

use crate::nodes::{Node, event, packet, to};
use crate::redis_process::RedisProcess;

#[tokio::test]
async fn an_emitter_reaches_every_node() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let (ann, bob) = (Node::start(redis.pub_sub()).await, Node::start(redis.pub_sub()).await);
    let emitter = redis.emitter();
    emitter.to("a").to("b").to("a").except("c").volatile().uncompressed().emit("hello", &Args((1, "x"))).await.unwrap();
    emitter.to("r").join("x").await.unwrap();
    emitter.to("r").leave("x").await.unwrap();
    emitter.all().disconnect().await.unwrap();
    emitter.to("r").disconnect_connections().await.unwrap();
    emitter.server_side_emit("ping", &1).await.unwrap();
    for node in [&ann, &bob] {
        let received = node.received().await;
        assert_eq!(received.from, None);
        let MessageBody::Broadcast { packet: event, to: selected } = received.message.body else { panic!("no event") };
        assert_eq!((&*event.event, &*event.args.json()), ("hello", r#"[1,"x"]"#));
        assert_eq!(
            (&*selected.rooms, &*selected.except),
            (&["a".to_owned(), "b".to_owned()][..], &["c".to_owned()][..])
        );
        assert!(selected.flags.volatile && selected.flags.uncompressed);
        for body in [
            MessageBody::Join { to: to(&["r"]), rooms: vec!["x".to_owned()] },
            MessageBody::Leave { to: to(&["r"]), rooms: vec!["x".to_owned()] },
            MessageBody::Disconnect { to: to(&[]), close: false },
            MessageBody::Disconnect { to: to(&["r"]), close: true },
            MessageBody::ServerEvent(packet("ping", 1)),
        ] {
            assert_eq!(node.received().await.message.body, body);
        }
    }
}

#[tokio::test]
async fn an_emitter_has_namespaces_and_keys() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let ann = Node::start(redis.pub_sub().key("shop")).await;
    ann.enter("/chat").await;
    let emitter = redis.pub_sub().key("shop").emitter().of("chat");
    redis.emitter().of("chat").emit("hello", &"elsewhere").await.unwrap();
    emitter.emit("hello", &json!({"a": 1})).await.unwrap();
    let received = ann.received().await;
    assert_eq!(&*received.message.namespace, "/chat");
    assert_eq!(received.message.body, MessageBody::Broadcast { packet: packet("hello", json!({"a": 1})), to: to(&[]) });
}

#[tokio::test]
async fn an_emitter_writes_to_streams() {
    let server = RedisProcess::start();
    let redis = server.redis();
    let node = || redis.streams().stream_count(3).stream_name("s");
    let ann = Node::start(node()).await;
    let emitter = node().emitter();
    emitter.to("r").emit("hello", &1).await.unwrap();
    emitter.to("r").join("x").await.unwrap();
    emitter.server_side_emit("ping", &1).await.unwrap();
    for body in [
        event(&["r"], 1),
        MessageBody::Join { to: to(&["r"]), rooms: vec!["x".to_owned()] },
        MessageBody::ServerEvent(packet("ping", 1)),
    ] {
        let received = ann.received().await;
        assert_eq!((received.from, received.message.body), (None, body));
    }
}

#[tokio::test]
async fn an_emitter_connects_again() {
    let mut server = RedisProcess::start();
    let emitter = server.redis().emitter();
    emitter.emit("hello", &1).await.unwrap();
    server.kill();
    assert!(matches!(emitter.emit("hello", &1).await, Err(EmitError::Unconfirmed(_) | EmitError::Connect(_))));
    assert!(matches!(emitter.emit("hello", &1).await, Err(EmitError::Connect(_))));
    server.restart();
    let ann = Node::start(server.redis().pub_sub()).await;
    emitter.emit("hello", &2).await.unwrap();
    assert_eq!(ann.received_value().await, 2);
}

#[tokio::test]
async fn a_reserved_name_is_refused() {
    let server = RedisProcess::start();
    let refused = server.redis().emitter().emit("disconnect", &1).await;
    assert!(matches!(refused, Err(EmitError::Reserved(name)) if name == "disconnect"));
}
