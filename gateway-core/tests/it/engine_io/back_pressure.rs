//! Bursts, and answers that are fetched later, by long polling and after the upgrade.

use std::time::Duration;

use gateway_core::SendError;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::socket_io::SocketIo;
use tokio::time::{Instant, sleep};

use super::support::{Engine, engine_of, settle};

#[gateway(namespace = "/")]
struct Bursts;

#[gateway]
impl Bursts {
    #[subscribe]
    fn own(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        (0..count).try_for_each(|_| socket.emit("n", &"x".repeat(bytes)))
    }

    #[subscribe]
    fn everybody(&self, namespace: Namespace, Data((count, bytes)): Data<(usize, usize)>) -> usize {
        (0..count).map(|_| namespace.emit("n", &"x".repeat(bytes)).skipped).sum()
    }

    #[subscribe]
    fn reply(&self, Data(bytes): Data<usize>) -> String {
        "x".repeat(bytes)
    }
}

#[gateway(namespace = "/other")]
struct Other;

#[gateway]
impl Other {
    #[subscribe]
    fn nothing(&self) {}
}

async fn engine() -> Engine {
    engine_of(Server::empty().gateway::<Bursts>().gateway::<Other>().socket_io(SocketIo::new().path("/engine.io")))
        .await
}

async fn client(engine: &Engine) -> String {
    let id = engine.open().await;
    engine.post(&id, "40").await;
    assert!(engine.poll(&id).await.body.starts_with("40{"));
    id
}

/// Polls until as many packets have come that begin so.
async fn poll_for(engine: &Engine, id: &str, count: usize, beginning: &str) {
    let mut come = 0;
    while come < count {
        let answer = engine.poll(id).await;
        assert_eq!(answer.status, 200, "{} after {come} of {count}", answer.body);
        come += answer.body.split('\u{1e}').filter(|packet| packet.starts_with(beginning)).count();
    }
    assert_eq!(come, count);
}

#[tokio::test(start_paused = true)]
async fn large_answers_to_requests_of_one_post_are_all_fetched() {
    let engine = engine().await;
    for pause in [0, 1, 15] {
        let id = client(&engine).await;
        let requests: Vec<_> = (0..30).map(|number| format!(r#"42{number}["reply",50000]"#)).collect();
        let post = engine.begin_post(&id, requests.join("\u{1e}"));
        settle().await;
        sleep(Duration::from_secs(pause)).await;
        poll_for(&engine, &id, 30, "43").await;
        assert_eq!(post.await.unwrap().status, 200);
    }
    assert_eq!(engine.handle.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_fetched_whether_a_poll_waits_for_it_or_comes_later() {
    let engine = engine().await;
    for (event, count, bytes) in
        [("own", 1500, 8), ("own", 510, 3000), ("everybody", 1500, 8), ("everybody", 510, 3000)]
    {
        for is_there in [true, false] {
            let id = client(&engine).await;
            // A second namespace of the connection.
            engine.post(&id, "40/other,").await;
            assert!(engine.poll(&id).await.body.starts_with("40/other,"));
            let polls = |engine: Engine, id: String| async move { poll_for(&engine, &id, count, r#"42["n""#).await };
            let early = is_there.then(|| tokio::spawn(polls(engine.clone(), id.clone())));
            settle().await;
            let posted = engine.post(&id, format!(r#"42["{event}",[{count},{bytes}]]"#)).await;
            assert_eq!(posted.status, 200);
            match early {
                Some(early) => early.await.unwrap(),
                None => polls(engine.clone(), id.clone()).await,
            }
            engine.post(&id, "1").await;
        }
    }
    assert_eq!(engine.handle.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_reaches_a_client_that_has_upgraded() {
    let engine = engine().await;
    let id = client(&engine).await;
    let mut websocket = engine.websocket(&format!("EIO=4&transport=websocket&sid={id}")).await;
    websocket.send("2probe").await;
    assert_eq!(websocket.text().await, "3probe");
    websocket.send("5").await;
    for (count, bytes) in [(1500, 8), (510, 3000)] {
        websocket.send(&format!(r#"421["own",[{count},{bytes}]]"#)).await;
        for _ in 0..count {
            assert!(websocket.text().await.starts_with(r#"42["n""#));
        }
        assert!(websocket.text().await.starts_with("431["));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_posts_and_never_polls_ends_as_too_slow() {
    let engine = engine().await;
    for packets in [r#"420["reply",50000]"#, "40/nobody,"] {
        let before = engine.handle.count(Counter::SlowDisconnects);
        let id = client(&engine).await;
        let start = Instant::now();
        let body = vec![packets; 20_000].join("\u{1e}");
        while engine.post(&id, body.clone()).await.status == 200 {}
        assert!(start.elapsed() <= Duration::from_secs(50), "{:?}", start.elapsed());
        assert_eq!(engine.handle.count(Counter::SlowDisconnects), before + 1);
    }
}
