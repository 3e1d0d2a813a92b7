//! Messages and their order.

use std::sync::Arc;

use bytes::Bytes;

use crate::hub::cluster::{Engine, Received};
use crate::protocol::Args;
use crate::protocol::cluster::{MessageBody, Selector};
use crate::testing::engine_contract::contract_node::{ContractNode, broadcast, in_rooms, packet, plain};

/// Number of messages whose order is checked, in batches of different sizes.
const MESSAGES: usize = 300;

/// Bytes of a large text and of a large binary part. Engines with a limit per message split or store them.
const LARGE: usize = 200_000;

/// Messages of one node arrive in their order at every other node.
pub(super) async fn keep_their_order<E: Engine>(engine: &impl Fn() -> E) {
    let (rule, namespace) = ("messages keep their order", Arc::from("/contract/order"));
    let [sender, one, other] = &nodes(engine, rule, &namespace).await;
    let numbers: Vec<usize> = (0..MESSAGES).collect();
    let data = |number: usize| if number.is_multiple_of(50) { "x".repeat(20_000) } else { number.to_string() };
    let (mut rest, mut size) = (numbers.as_slice(), 1);
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(size.min(rest.len()));
        let event = |number: &usize| broadcast(&number.to_string(), &data(*number), Selector::default());
        sender.publish(&namespace, batch.iter().map(event).collect()).await;
        (rest, size) = (later, size * 2 + 1);
    }
    for receiver in [one, other] {
        for number in &numbers {
            receiver.expect_event(&number.to_string()).await;
        }
        receiver.expect_nothing().await;
    }
    stop([sender, one, other]).await;
}

/// No node receives its own messages.
pub(super) async fn have_no_echo<E: Engine>(engine: &impl Fn() -> E) {
    let (rule, namespace) = ("a node does not receive its own messages", Arc::from("/contract/echo"));
    let [ann, bob, cid] = &nodes(engine, rule, &namespace).await;
    ann.publish_event(&namespace, "of ann").await;
    for other in [bob, cid] {
        other.expect_event("of ann").await;
    }
    bob.publish_event(&namespace, "of bob").await;
    for other in [ann, cid] {
        other.expect_event("of bob").await;
    }
    for node in [ann, bob, cid] {
        node.expect_nothing().await;
    }
    stop([ann, bob, cid]).await;
}

/// Every kind of message that is no question arrives unchanged.
pub(super) async fn arrive_unchanged<E: Engine>(engine: &impl Fn() -> E) {
    let (rule, namespace) = ("messages arrive unchanged", Arc::from("/contract/content"));
    let [sender, one, other] = &nodes(engine, rule, &namespace).await;
    let to = || Selector { except: vec!["\0user/\"ü\"".to_owned()], ..in_rooms(&["a b", "ß\\"]) };
    let rooms = || vec!["r".to_owned(), "😀".to_owned()];
    let mut volatile = to();
    volatile.flags.volatile = true;
    let bodies = vec![
        broadcast("none", &Args(()), Selector::default()),
        broadcast("one", "data", to()),
        broadcast("several", &Args((1, "two", [3.5], Option::<u8>::None)), volatile),
        MessageBody::Join { to: to(), rooms: rooms() },
        MessageBody::Leave { to: to(), rooms: rooms() },
        MessageBody::Disconnect { to: to(), close: false },
        MessageBody::Disconnect { to: to(), close: true },
    ];
    // Published alone: it may travel another way than what reaches sockets.
    let server_event = vec![MessageBody::ServerEvent(packet("server", &Args((1, "two"))))];
    for bodies in [bodies, server_event] {
        sender.publish(&namespace, bodies.clone()).await;
        for receiver in [one, other] {
            for body in &bodies {
                check_received(rule, &receiver.next().await, (&namespace, body), sender);
            }
            receiver.expect_nothing().await;
        }
    }
    stop([sender, one, other]).await;
}

/// Large texts and binary data arrive unchanged and keep their place.
pub(super) async fn may_be_large_and_binary<E: Engine>(engine: &impl Fn() -> E) {
    let (rule, namespace) = ("large and binary messages arrive unchanged", Arc::from("/contract/large"));
    let [sender, one, other] = &nodes(engine, rule, &namespace).await;
    let bytes = |length: usize| (0..=u8::MAX).cycle().take(length).collect::<Bytes>();
    let bodies = vec![
        broadcast("text", &"ä\u{2028}\"".repeat(LARGE / 6), Selector::default()),
        broadcast("small", &1, Selector::default()),
        broadcast("parts", &Args((bytes(3), "between", [bytes(LARGE), Bytes::new()])), in_rooms(&["a"])),
        broadcast("last", &bytes(LARGE / 2), Selector::default()),
    ];
    sender.publish(&namespace, bodies.clone()).await;
    for receiver in [one, other] {
        // The engine routes by room only to nodes that entered it.
        let entered = bodies.iter().filter(|body| !is_for_room(body) || !receiver.engine.routes_rooms());
        for body in entered {
            check_received(rule, &receiver.next().await, (&namespace, body), sender);
        }
        receiver.expect_nothing().await;
    }
    stop([sender, one, other]).await;
}

fn is_for_room(body: &MessageBody) -> bool {
    matches!(body, MessageBody::Broadcast { to, .. } if to.rooms.len() == 1)
}

fn check_received<E: Engine>(
    rule: &str,
    received: &Received,
    (namespace, body): (&Arc<str>, &MessageBody),
    sender: &ContractNode<E>,
) {
    let Received { from, message, offset: _ } = received;
    assert_eq!(message.namespace, *namespace, "{rule}: the namespace");
    // Compared without printing: a large message would hide the rule.
    let is_same = plain_body(message.body.clone()) == plain_body(body.clone());
    assert!(is_same, "{rule}: {}", differing(&message.body, body));
    assert!(
        from.is_none() || from.as_ref() == Some(sender.engine.node_id()),
        "{rule}: it is from {:?}, not from {from:?}",
        sender.engine.node_id()
    );
}

/// The message without its arguments, and the arguments.
pub(super) fn plain_body(mut body: MessageBody) -> (MessageBody, Option<(String, Vec<Bytes>)>) {
    let packet = match &mut body {
        MessageBody::Broadcast { packet, .. } | MessageBody::ServerEvent(packet) => Some(packet),
        MessageBody::Join { .. }
        | MessageBody::Leave { .. }
        | MessageBody::Disconnect { .. }
        | MessageBody::Ask { .. }
        | MessageBody::Answer { .. } => None,
    };
    let args = packet.map(|packet| plain(std::mem::take(&mut packet.args)));
    (body, args)
}

/// Describes both messages by their first characters.
fn differing(arrived: &MessageBody, sent: &MessageBody) -> String {
    let begin = |body: &MessageBody| format!("{body:?}").chars().take(400).collect::<String>();
    format!("{} arrived, {} was sent", begin(arrived), begin(sent))
}

/// Three nodes of a namespace.
async fn nodes<E: Engine>(engine: &impl Fn() -> E, rule: &'static str, namespace: &Arc<str>) -> [ContractNode<E>; 3] {
    let start = || ContractNode::start(engine(), rule, &[]);
    let nodes = [start().await, start().await, start().await];
    for node in &nodes {
        node.within("to enter a namespace", node.engine.enter_namespace(namespace)).await;
    }
    nodes
}

async fn stop<E: Engine>(nodes: [&ContractNode<E>; 3]) {
    for node in nodes {
        node.stop().await;
    }
}
