//! The log of an engine: the places of messages, and reading them again.

use std::sync::Arc;

use crate::hub::cluster::{Engine, LogPage, Published};
use crate::protocol::OffsetNumber;
use crate::protocol::cluster::{MessageBody, Selector};
use crate::testing::engine_contract::contract_node::{ContractNode, ReadEntry, broadcast, in_rooms, packet};
use crate::testing::engine_contract::messages::plain_body;

/// Number of rounds in which two nodes write in turn.
const ROUNDS: usize = 20;

/// Number of batches that are read again, and of messages in each: together more than engines read at once.
const BATCHES: usize = 24;
const BATCH: usize = 50;

/// Maximum number of pages that are read again.
const MOST_PAGES: usize = 10_000;

/// Every message for sockets has an offset, the same at every node.
pub(super) async fn gives_offsets<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "messages of the log have rising offsets, the same at every node";
    let (namespace, left): (Arc<str>, Arc<str>) = ("/contract/log".into(), "/contract/log/left".into());
    let ann = ContractNode::start(engine(), rule, &[&namespace, &left]).await;
    let bob = ContractNode::start(engine(), rule, &[&namespace]).await;
    let mut written = Vec::new();
    for round in 0..ROUNDS {
        let is_ann = round % 2 == 0;
        let sender = if is_ann { &ann } else { &bob };
        let bodies = bodies(round);
        for (published, body) in sender.publish(&namespace, bodies.clone()).await.into_iter().zip(bodies) {
            written.push((offset_of(rule, published), is_ann, matches!(body, MessageBody::Broadcast { .. })));
        }
    }
    let numbers: Vec<_> = written.iter().map(|(offset, ..)| number_of(rule, offset)).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{rule}: {written:?}");
    for (node, is_ann) in [(&ann, true), (&bob, false)] {
        // A node reads its own events back, and what it did itself to its sockets is done.
        for (offset, is_of_ann, _) in written.iter().filter(|(_, sender, is_event)| *sender != is_ann || *is_event) {
            let expected =
                ReadEntry { offset: offset.clone(), namespace: namespace.to_string(), is_own: *is_of_ann == is_ann };
            assert_eq!(node.next_entry().await, expected, "{rule}: the order of the log");
        }
    }

    ann.within("to exit a namespace", ann.engine.exit_namespace(&left)).await;
    let published = ann.publish(&left, vec![broadcast("left", &(), Selector::default())]).await.remove(0);
    let expected = ReadEntry { offset: offset_of(rule, published), namespace: left.to_string(), is_own: true };
    assert_eq!(ann.next_entry().await, expected, "{rule}: also of a namespace that was given up");
    ann.stop().await;
    bob.stop().await;
}

/// The messages after an offset are read again, page by page.
pub(super) async fn is_read_again<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "the messages after an offset are read again";
    let (namespace, other): (Arc<str>, Arc<str>) = ("/contract/pages".into(), "/contract/pages/other".into());
    let ann = ContractNode::start(engine(), rule, &[&namespace, &other]).await;
    let bob = ContractNode::start(engine(), rule, &[&namespace, &other]).await;
    let mut written = Vec::new();
    for batch in 0..BATCHES {
        let sender = if batch % 3 == 0 { &ann } else { &bob };
        let bodies: Vec<_> = (0..BATCH).flat_map(bodies).take(BATCH).collect();
        let published = sender.publish(&namespace, bodies.clone()).await;
        written.extend(published.into_iter().map(|published| offset_of(rule, published)).zip(bodies));
        sender.publish(&other, vec![broadcast("elsewhere", &batch, Selector::default())]).await;
        sender.publish(&namespace, vec![MessageBody::ServerEvent(packet("not kept", &batch))]).await;
    }
    // A node that was not there when the messages were written.
    let late = ContractNode::start(engine(), rule, &[&namespace]).await;
    for node in [&ann, &bob, &late] {
        for from in [0, written.len() / 2, written.len() - 1] {
            let read = read_after(rule, node, (&namespace, &written[from].0)).await;
            let expected = &written[from + 1..];
            let offsets = |messages: &[(String, MessageBody)]| -> Vec<_> {
                messages.iter().map(|(offset, _)| offset.clone()).collect()
            };
            assert_eq!(offsets(&read), offsets(expected), "{rule}: the offsets after {}", written[from].0);
            for ((offset, read), (_, written)) in read.iter().zip(expected) {
                assert_eq!(plain_body(read.clone()), plain_body(written.clone()), "{rule}: the message at {offset}");
            }
        }
        for unknown in ["", "x", "1-1", "1577836800000-7"] {
            let page = node.stored("to read the log", node.store().messages_after(&namespace, unknown)).await;
            assert_eq!(page, None, "{rule}: the log never had the offset {unknown:?}");
        }
    }
    for node in [ann, bob, late] {
        node.stop().await;
    }
}

async fn read_after<E: Engine>(
    rule: &str,
    node: &ContractNode<E>,
    (namespace, offset): (&Arc<str>, &str),
) -> Vec<(String, MessageBody)> {
    let (mut read, mut after) = (Vec::new(), offset.to_owned());
    for _ in 0..MOST_PAGES {
        let page = node.stored("to read the log", node.store().messages_after(namespace, &after)).await;
        let Some(LogPage { messages, next, is_last }) = page else { panic!("{rule}: {after} is unknown") };
        for (offset, message) in messages {
            assert_eq!(message.namespace, *namespace, "{rule}: the namespace");
            read.push((offset, message.body));
        }
        if is_last {
            return read;
        }
        assert_ne!(next, after, "{rule}: a page leads to the next");
        after = next;
    }
    panic!("{rule}: the log has no last page")
}

/// One message of each kind that the log keeps, events the most.
fn bodies(round: usize) -> Vec<MessageBody> {
    let rooms = || vec!["r".to_owned(), "ü \"".to_owned()];
    vec![
        broadcast("first", &round, Selector::default()),
        MessageBody::Join { to: in_rooms(&["a"]), rooms: rooms() },
        MessageBody::Leave { to: in_rooms(&["a", "b"]), rooms: rooms() },
        broadcast("last", &[1.5], Selector { except: rooms(), ..in_rooms(&["ß"]) }),
        MessageBody::Disconnect { to: in_rooms(&["nobody"]), close: round.is_multiple_of(2) },
    ]
}

fn offset_of(rule: &str, published: Published) -> String {
    published.offset.unwrap_or_else(|| panic!("{rule}: a message has no offset"))
}

fn number_of(rule: &str, offset: &str) -> u64 {
    let number = OffsetNumber::of_entry(offset).map(OffsetNumber::number);
    number.unwrap_or_else(|| panic!("{rule}: {offset} is not a time in milliseconds, `-`, and a number below 4096"))
}
