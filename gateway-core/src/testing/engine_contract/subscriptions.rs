//! Namespaces and rooms that a node has entered.

use std::sync::Arc;

use crate::hub::cluster::Engine;
use crate::protocol::cluster::MessageBody;
use crate::testing::engine_contract::contract_node::{ContractNode, broadcast, in_rooms};

/// A node receives the namespaces that it has entered, until it exits them.
pub(super) async fn separate_namespaces<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "a node receives the namespaces that it has entered";
    let (one, other): (Arc<str>, Arc<str>) = ("/contract/one".into(), "/contract/other".into());
    let sender = ContractNode::start(engine(), rule, &[&one, &other]).await;
    let receiver = ContractNode::start(engine(), rule, &[&one]).await;
    // A name that begins with an entered one is another namespace.
    for name in [&other, &Arc::from("/contract/one/inner"), &Arc::from("/contract/on"), &Arc::from("/contract/*")] {
        sender.publish_event(name, "not entered").await;
    }
    sender.publish_event(&one, "first").await;
    receiver.expect_event("first").await;
    receiver.expect_nothing().await;

    receiver.within("to enter a namespace", receiver.engine.enter_namespace(&other)).await;
    sender.publish_event(&other, "second").await;
    receiver.expect_event("second").await;

    receiver.within("to exit a namespace", receiver.engine.exit_namespace(&one)).await;
    sender.publish_event(&one, "exited").await;
    sender.publish_event(&other, "third").await;
    receiver.expect_event("third").await;
    receiver.expect_nothing().await;

    receiver.within("to enter a namespace", receiver.engine.enter_namespace(&one)).await;
    sender.publish_event(&one, "again").await;
    receiver.expect_event("again").await;
    receiver.expect_nothing().await;
    sender.expect_nothing().await;
    receiver.stop().await;
    sender.stop().await;
}

/// A message for a single room reaches the nodes that entered the room; if the engine routes rooms, only those.
pub(super) async fn route_rooms<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "a message for a room reaches the nodes that entered it";
    let namespace: Arc<str> = "/contract/rooms".into();
    let sender = ContractNode::start(engine(), rule, &[&namespace]).await;
    let member = ContractNode::start(engine(), rule, &[&namespace]).await;
    let other = ContractNode::start(engine(), rule, &[&namespace]).await;
    let routes = member.engine.routes_rooms();
    let rooms: [Arc<str>; 2] = ["a".into(), "ü \"b\"".into()];
    member.within("to enter rooms", member.engine.enter_rooms(&namespace, &rooms)).await;
    for room in &rooms {
        sender.publish(&namespace, vec![to_rooms("in", &[room])]).await;
        member.expect_event("in").await;
    }
    sender.publish(&namespace, vec![to_rooms("several", &["a", "c"]), to_rooms("all", &[])]).await;
    member.expect_event("several").await;
    member.expect_event("all").await;
    let by_room = if routes { 0 } else { rooms.len() };
    for event in ["in"; 2].into_iter().take(by_room).chain(["several", "all"]) {
        other.expect_event(event).await;
    }

    member.within("to exit rooms", member.engine.exit_rooms(&namespace, &rooms[..1])).await;
    let body = to_rooms("out", &["a"]);
    sender.publish(&namespace, vec![body, to_rooms("in", &["ü \"b\""]), to_rooms("all", &[])]).await;
    let expected = if routes { ["in", "all"].as_slice() } else { &["out", "in", "all"] };
    for event in expected {
        member.expect_event(event).await;
    }
    for node in [&sender, &member] {
        node.expect_nothing().await;
    }
    for node in [sender, member, other] {
        node.stop().await;
    }
}

fn to_rooms(event: &str, rooms: &[&str]) -> MessageBody {
    broadcast(event, &(), in_rooms(rooms))
}
