//! From polling to a WebSocket, and everything that must not disturb a session.

use std::time::Duration;

use gateway_core::socket_io::EngineIo;
use proptest::prelude::*;
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::support::{Engine, Received, WebSocket, engine, engine_with, session, settle};

async fn probe(engine: &Engine, id: &str) -> WebSocket {
    engine.websocket(&format!("EIO=4&transport=websocket&sid={id}")).await
}

/// The session is polled as if nothing had been.
async fn is_polled(engine: &Engine, id: &str) {
    assert_eq!(engine.post(id, "4alive").await.body, "ok");
    assert_eq!(engine.poll(id).await.body, "4alive");
}

#[tokio::test(start_paused = true)]
async fn a_session_moves_to_a_websocket() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    let mut websocket = probe(&engine, &id).await;
    settle().await;
    assert!(!poll.is_finished(), "nothing happens before the probe");
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    let probed = Instant::now();
    assert_eq!(poll.await.unwrap().body, "6");
    assert!(probed.elapsed() >= Duration::from_millis(99), "{:?}", probed.elapsed());
    websocket.send("5").await;
    websocket.send("4over here").await;
    assert_eq!(websocket.text().await, "4over here");
    // Requests have no business with it any more.
    for method in ["GET", "POST"] {
        let answer = engine.request(method, &session(&id)).await;
        assert_eq!(answer.refusal(), (400, json!(3), "Bad request".to_owned()), "{method}");
    }
    websocket.send("4still").await;
    assert_eq!(websocket.text().await, "4still");
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_comes_during_the_upgrade_is_answered_too() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    assert_eq!(engine.poll(&id).await.body, "6");
    assert_eq!(engine.poll(&id).await.body, "6");
}

#[tokio::test(start_paused = true)]
async fn a_poll_is_served_until_the_client_has_moved() {
    let engine = engine().await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, "4a").await.body, "ok");
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    let begun = Instant::now();
    assert_eq!(engine.poll(&id).await.body, "4a");
    let poll = engine.begin_poll(&id);
    assert_eq!(engine.post(&id, "4b").await.body, "ok");
    assert_eq!(poll.await.unwrap().body, "4b");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    websocket.send("5").await;
    websocket.send("4c").await;
    assert_eq!(websocket.text().await, "4c");
}

/// The protocol's own suite sends these at once: the requests go by other connections than the WebSocket, so that a
/// server may read the last of them first.
#[tokio::test(start_paused = true)]
async fn a_poll_that_overtakes_the_upgrade_packet_is_refused_as_one_behind_it() {
    for is_answered_first in [false, true] {
        let engine = engine().await;
        let id = engine.open().await;
        let mut websocket = probe(&engine, &id).await;
        if is_answered_first {
            websocket.send("2probe").await;
            assert_eq!(websocket.text().await, "3probe");
        }
        let poll = engine.begin_poll(&id);
        settle().await;
        if !is_answered_first {
            websocket.send("2probe").await;
        }
        websocket.send("5").await;
        let begun = Instant::now();
        assert_eq!(poll.await.unwrap().refusal(), (400, json!(3), "Bad request".to_owned()));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_poll_follows_on_the_websocket_in_order() {
    let engine = engine().await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, "4a\u{1e}4b").await.body, "ok");
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    assert_eq!(engine.post(&id, "4c\u{1e}bAQID").await.body, "ok");
    websocket.send("5").await;
    websocket.send("4d").await;
    for expected in ["4a", "4b", "4c"] {
        assert_eq!(websocket.text().await, expected);
    }
    assert_eq!(websocket.next().await, Received::Binary(vec![1, 2, 3]));
    assert_eq!(websocket.text().await, "4d");
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_goes_on_over_the_websocket() {
    let options = EngineIo::new().ping_interval(Duration::from_millis(300)).ping_timeout(Duration::from_millis(200));
    let engine = engine_with(options).await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    websocket.send("5").await;
    for _ in 0..3 {
        assert_eq!(websocket.text().await, "2");
        websocket.send("3").await;
    }
    assert_eq!(websocket.text().await, "2");
    assert_eq!(websocket.closed().await, 1005);
    drop(websocket);
    settle().await;
    assert_eq!(engine.poll(&id).await.refusal().1, json!(1));
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_without_a_probe_is_taken() {
    let engine = engine().await;
    for is_open_first in [false, true] {
        let id = engine.open().await;
        let early = if is_open_first { Some(probe(&engine, &id).await) } else { None };
        let poll = engine.begin_poll(&id);
        settle().await;
        let mut websocket = match early {
            Some(websocket) => websocket,
            None => probe(&engine, &id).await,
        };
        websocket.send("5").await;
        assert_eq!(poll.await.unwrap().body, "6", "{is_open_first}");
        websocket.send("4a").await;
        assert_eq!(websocket.text().await, "4a");
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_is_answered_also_where_the_upgrade_comes_with_it() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    for packet in ["2probe", "5", "4a"] {
        websocket.send(packet).await;
    }
    assert_eq!(websocket.text().await, "3probe");
    assert_eq!(websocket.text().await, "4a");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_probe_ends_the_websocket_alone() {
    for wrong in ["2", "2abc", "4a", "3probe", "1", "7", "", "b"] {
        let engine = engine().await;
        let id = engine.open().await;
        let mut websocket = probe(&engine, &id).await;
        websocket.send(wrong).await;
        assert_eq!(websocket.closed().await, 1005, "{wrong:?}");
        is_polled(&engine, &id).await;
        // And another may try.
        let mut websocket = probe(&engine, &id).await;
        websocket.send("2probe").await;
        assert_eq!(websocket.text().await, "3probe", "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_binary_probe_and_a_lost_websocket_do_no_harm() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send_binary(b"2probe").await;
    assert_eq!(websocket.closed().await, 1005);
    is_polled(&engine, &id).await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    drop(websocket);
    settle().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    assert!(!poll.is_finished(), "polls wait again");
    assert_eq!(engine.post(&id, "4a").await.body, "ok");
    assert_eq!(poll.await.unwrap().body, "4a");
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_takes_too_long_ends_the_websocket_alone() {
    let engine = engine_with(EngineIo::new().upgrade_timeout(Duration::from_secs(1))).await;
    let id = engine.open().await;
    for is_probed in [false, true] {
        let mut websocket = probe(&engine, &id).await;
        let begun = Instant::now();
        if is_probed {
            websocket.send("2probe").await;
            assert_eq!(websocket.text().await, "3probe");
        }
        assert_eq!(websocket.closed().await, 1005);
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        is_polled(&engine, &id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_websocket_does_not_disturb_the_first() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut first = probe(&engine, &id).await;
    settle().await;
    assert_eq!(probe(&engine, &id).await.closed().await, 1005);
    first.send("2probe").await;
    assert_eq!(first.text().await, "3probe");
    assert_eq!(probe(&engine, &id).await.closed().await, 1005);
    first.send("5").await;
    first.send("4a").await;
    assert_eq!(first.text().await, "4a");
    assert_eq!(probe(&engine, &id).await.closed().await, 1005);
    first.send("4b").await;
    assert_eq!(first.text().await, "4b");
}

#[tokio::test(start_paused = true)]
async fn a_websocket_for_a_session_that_is_one_is_closed() {
    let engine = engine().await;
    let mut first = engine.websocket("EIO=4&transport=websocket").await;
    let open = first.text().await;
    let id = open.split('"').nth(3).unwrap();
    assert_eq!(probe(&engine, id).await.closed().await, 1005);
    assert_eq!(engine.poll(id).await.refusal().1, json!(3));
    first.send("4a").await;
    assert_eq!(first.text().await, "4a");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_takes_its_probe_along() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    let begun = Instant::now();
    assert_eq!(engine.post(&id, "1").await.body, "ok");
    assert_eq!(websocket.closed().await, 1005);
    assert!(begun.elapsed() < Duration::from_secs(1), "not by the upgrade's own timeout");
}

#[tokio::test(start_paused = true)]
async fn upgrades_can_be_turned_off() {
    let engine = engine_with(EngineIo::new().allow_upgrades(false)).await;
    let answer = engine.get("/engine.io/?EIO=4&transport=polling").await;
    assert!(answer.body.contains(r#""upgrades":[]"#), "{}", answer.body);
    let id = answer.body.split('"').nth(3).unwrap();
    let refused = engine.try_websocket(&format!("EIO=4&transport=websocket&sid={id}")).await.err();
    assert_eq!(refused, Some((400, "Bad request".to_owned())));
    engine.open_websocket().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_websocket_ends_the_session_that_moved_to_it() {
    let engine = engine().await;
    let id = engine.open().await;
    let mut websocket = probe(&engine, &id).await;
    websocket.send("5").await;
    websocket.send("4a").await;
    assert_eq!(websocket.text().await, "4a");
    drop(websocket);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(engine.poll(&id).await.refusal().1, json!(1));
}

/// Next action of a client with its session.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Posts so many messages.
    Post(usize),
    Poll,
    /// Probes with a WebSocket; gives an older one up.
    Probe,
    GiveUp,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..40_usize).prop_map(Step::Post),
        3 => Just(Step::Poll),
        1 => Just(Step::Probe),
        1 => Just(Step::GiveUp),
    ];
    proptest::collection::vec(step, 0..12)
}

/// Every message comes back once and in order, wherever the upgrade falls.
async fn nothing_is_lost(steps: Vec<Step>, sent_after: usize) {
    let engine = engine().await;
    let id = engine.open().await;
    let (mut sent, mut received) = (0, Vec::new());
    let mut websocket = None;
    let mut probing = false;
    let take = |received: &mut Vec<String>, body: &str| {
        let messages = body.split('\u{1e}').filter_map(|packet| packet.strip_prefix('4'));
        received.extend(messages.map(str::to_owned));
    };
    for step in steps {
        match step {
            Step::Post(count) => {
                let packets: Vec<_> = (sent..sent + count).map(|number| format!("4{number}")).collect();
                sent += count;
                assert_eq!(engine.post(&id, packets.join("\u{1e}")).await.body, "ok");
            }
            Step::Poll if received.len() < sent || probing => {
                let body = engine.poll(&id).await.body;
                take(&mut received, &body);
            }
            Step::Poll => {}
            Step::Probe => {
                drop(websocket.take());
                settle().await;
                let mut probe = probe(&engine, &id).await;
                probe.send("2probe").await;
                assert_eq!(probe.text().await, "3probe");
                (websocket, probing) = (Some(probe), true);
            }
            Step::GiveUp => {
                (websocket, probing) = (None, false);
                settle().await;
            }
        }
    }
    let poll = engine.begin_poll(&id);
    settle().await;
    let mut websocket = match websocket {
        Some(websocket) => websocket,
        None => probe(&engine, &id).await,
    };
    websocket.send("5").await;
    for number in sent..sent + sent_after {
        websocket.send(&format!("4{number}")).await;
    }
    sent += sent_after;
    take(&mut received, &poll.await.unwrap().body);
    while received.len() < sent {
        take(&mut received, &websocket.text().await);
    }
    let expected: Vec<_> = (0..sent).map(|number| number.to_string()).collect();
    assert_eq!(received, expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_message_is_lost_or_doubled_wherever_the_upgrade_falls(steps in steps(), sent_after in 0..20_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(nothing_is_lost(steps, sent_after));
    }
}
