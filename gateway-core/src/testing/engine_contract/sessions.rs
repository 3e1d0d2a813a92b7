//! The sessions that an engine stores.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::hub::cluster::{Engine, RecordState};
use crate::protocol::cluster::StoredSession;
use crate::testing::engine_contract::contract_node::{ContractNode, PATIENCE};

/// Longer than all checks.
const LONG: Duration = Duration::from_mins(10);

/// Number of sessions that two nodes want at once.
const SESSIONS: usize = 32;

/// Pause between two looks at a record.
const PAUSE: Duration = Duration::from_millis(20);

/// Every node finds a session, and one takes it.
pub(super) async fn are_taken_once<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "a session is taken by one node";
    let [ann, bob] = nodes(engine, rule).await;
    let saved = session("contract taken", 1);
    let id = saved.private_id.as_str();
    assert_eq!(bob.stored("to find", bob.store().find(id)).await, None, "{rule}: nothing is saved yet");
    ann.stored("to save", ann.store().save(&saved, LONG)).await;
    for node in [&ann, &bob, &ann] {
        let found = node.stored("to find", node.store().find(id)).await;
        assert_eq!(found.as_ref(), Some(&saved), "{rule}: every node finds it unchanged, more than once");
    }
    let newer = session("contract taken", 2);
    bob.stored("to save", bob.store().save(&newer, LONG)).await;
    assert_eq!(ann.stored("to take", ann.store().take(id)).await, Some(newer), "{rule}: the newest record");
    for node in [&ann, &bob] {
        assert_eq!(node.stored("to take", node.store().take(id)).await, None, "{rule}: it is taken");
        assert_eq!(node.stored("to find", node.store().find(id)).await, None, "{rule}: it is taken");
    }

    for number in 0..SESSIONS {
        let wanted = session(&format!("contract wanted {number}"), number);
        ann.stored("to save", ann.store().save(&wanted, LONG)).await;
        let id = wanted.private_id.as_str();
        let (one, other) =
            tokio::join!(ann.stored("to take", ann.store().take(id)), bob.stored("to take", bob.store().take(id)),);
        assert_eq!([one, other].iter().flatten().collect::<Vec<_>>(), [&wanted], "{rule}: of two at once one takes it");
    }

    let ended = session("contract ended", 3);
    ann.stored("to save", ann.store().save(&ended, LONG)).await;
    bob.stored("to forget", bob.store().forget(&ended.private_id)).await;
    bob.stored("to forget", bob.store().forget(&ended.private_id)).await;
    assert_eq!(ann.stored("to find", ann.store().find(&ended.private_id)).await, None, "{rule}: it is forgotten");
    stop([ann, bob]).await;
}

/// A node changes only the record that it has written.
pub(super) async fn are_changed_by_their_node<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "a node changes only the record that it has written";
    let [ann, bob] = nodes(engine, rule).await;
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|number| session("contract changed", number));
    let id = first.private_id.as_str();
    let update = async |written: &[StoredSession], session: &StoredSession| {
        ann.stored("to update", ann.store().update(written, session, LONG)).await
    };
    let found = async || bob.stored("to find", bob.store().find(id)).await;
    assert_eq!(update(std::slice::from_ref(&first), &second).await, RecordState::Missing, "{rule}: there is none yet");
    assert_eq!(found().await, None, "{rule}: and none is made");
    ann.stored("to save", ann.store().save(&first, LONG)).await;
    assert_eq!(
        update(std::slice::from_ref(&first), &second).await,
        RecordState::Stored,
        "{rule}: it is as it was written"
    );
    assert_eq!(found().await.as_ref(), Some(&second), "{rule}: it is changed");
    let any = [first.clone(), second.clone(), third.clone()];
    assert_eq!(update(&any, &third).await, RecordState::Stored, "{rule}: it is one that may have been written");
    assert_eq!(update(std::slice::from_ref(&third), &third).await, RecordState::Stored, "{rule}: it is the same");
    assert_eq!(update(&any[..2], &fourth).await, RecordState::OfAnother, "{rule}: it is another");
    assert_eq!(found().await.as_ref(), Some(&third), "{rule}: the record of another stays");
    bob.stored("to take", bob.store().take(id)).await;
    assert_eq!(update(&any, &third).await, RecordState::Missing, "{rule}: it is taken");
    assert_eq!(found().await, None, "{rule}: and stays so");
    stop([ann, bob]).await;
}

/// A record is forgotten after the time of its last write.
pub(super) async fn are_forgotten_after_their_time<E: Engine>(engine: &impl Fn() -> E) {
    let rule = "a session is forgotten after its time";
    let [ann, bob] = nodes(engine, rule).await;
    let soon = Duration::from_millis(50);
    let (short, shortened) = (session("contract short", 1), session("contract shortened", 2));
    let kept = session("contract kept", 3);
    ann.stored("to save", ann.store().save(&short, soon)).await;
    ann.stored("to save", ann.store().save(&shortened, LONG)).await;
    ann.stored("to save", ann.store().save(&kept, LONG)).await;
    let written = [shortened.clone()];
    let state = ann.stored("to update", ann.store().update(&written, &shortened, soon)).await;
    assert_eq!(state, RecordState::Stored, "{rule}: the record is there");
    for session in [&short, &shortened] {
        let begin = Instant::now();
        while bob.stored("to find", bob.store().find(&session.private_id)).await.is_some() {
            assert!(begin.elapsed() < PATIENCE, "{rule}: {} is still there", session.private_id);
            sleep(PAUSE).await;
        }
    }
    let found = bob.stored("to find", bob.store().find(&kept.private_id)).await;
    assert_eq!(found, Some(kept), "{rule}: and not before");
    stop([ann, bob]).await;
}

/// A session with every member, some of them with what formats may stumble over.
fn session(private_id: &str, number: usize) -> StoredSession {
    let mut session = StoredSession::new(private_id, "socket-of-a-node-01");
    session.rooms = vec!["a".to_owned(), "ü \"\\".to_owned()];
    session.data = json!({ "number": number, "list": [null, true, -1.5, "😀"] });
    session.namespace = Some("/contract/sessions".to_owned());
    session.user = Some("ann\0".to_owned());
    session.format = Some("plain".to_owned());
    session.node = Some("one".to_owned());
    session.start = Some("1577836800000-1".to_owned());
    session
}

async fn nodes<E: Engine>(engine: &impl Fn() -> E, rule: &'static str) -> [ContractNode<E>; 2] {
    [ContractNode::start(engine(), rule, &[]).await, ContractNode::start(engine(), rule, &[]).await]
}

async fn stop<E: Engine>(nodes: [ContractNode<E>; 2]) {
    for node in nodes {
        node.stop().await;
    }
}
