//! A question to many sockets at once: who answered what, and what came until the time was up.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use gateway_core::emit::{AckRequests, Responses};
use gateway_core::extract::Args;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::testing::{TestClient, TestServer};
use gateway_core::{RequestError, SocketId};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

#[gateway(namespace = "/jury")]
struct Jury;

#[gateway]
impl Jury {
    #[on_connect]
    async fn joined(&self, socket: Socket, handshake: Handshake) -> Result<(), ConnectRejection> {
        match handshake.query("room") {
            Some("slow") => std::future::pending().await,
            Some(room) => socket.join(room).await?,
            None => {}
        }
        Ok(())
    }

    #[subscribe]
    fn id(&self, socket: Socket) -> SocketId {
        socket.id().clone()
    }

    /// Asks the others while this one's handler runs.
    #[subscribe]
    async fn ask_others(&self, socket: Socket) -> Data<Vec<u8>> {
        let answers: Responses<u8> = socket.broadcast().emit_with_ack("vote", &()).await;
        Data(answers.all().unwrap())
    }
}

/// Ann and Bob are in `a`, Cid is not.
struct World {
    server: TestServer,
    ann: TestClient,
    bob: TestClient,
    cid: TestClient,
    ids: [String; 3],
}

async fn world() -> World {
    let server = Server::empty().gateway::<Jury>().test().await.unwrap();
    let mut ann = server.connect("/jury?room=a").await.unwrap();
    let mut bob = server.connect("/jury?room=a").await.unwrap();
    let mut cid = server.connect("/jury").await.unwrap();
    let mut ids = [const { String::new() }; 3];
    for (client, id) in [&mut ann, &mut bob, &mut cid].into_iter().zip(&mut ids) {
        *id = client.emit_with_ack("id", ()).await.unwrap();
    }
    World { server, ann, bob, cid, ids }
}

/// Asks in a task of its own, so that the test can answer.
fn ask<R: gateway_core::extract::FromArgs + Send + 'static>(
    requests: AckRequests<R>,
) -> tokio::task::JoinHandle<Responses<R>> {
    tokio::spawn(async move { requests.await })
}

/// Each answer or failure by its socket.
fn by_id<R: std::fmt::Debug>(answers: &Responses<R>) -> BTreeMap<String, String> {
    let text = |answer: Result<&R, &RequestError>| match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => error.to_string(),
    };
    answers.iter().map(|(id, answer)| (id.to_string(), text(answer))).collect()
}

fn expected<const N: usize>(answers: [(&String, &str); N]) -> BTreeMap<String, String> {
    answers.into_iter().map(|(id, text)| (id.clone(), text.to_owned())).collect()
}

async fn answer(client: &mut TestClient, data: Value) {
    let (ask, _) = client.expect_question("vote").await;
    client.answer(ask, data).await;
}

#[tokio::test(start_paused = true)]
async fn everybody_meant_is_asked_and_each_answer_has_its_socket() {
    let World { server, mut ann, mut bob, mut cid, ids } = world().await;
    let asked = ask(server.of("/jury").to("a").emit_with_ack::<u8>("vote", &Args(("now", 1))));
    // In the other order than they are asked or waited for, whichever that is.
    let (ask_bob, data) = bob.expect_question("vote").await;
    assert_eq!(data, json!(["now", 1]));
    bob.answer(ask_bob, 2).await;
    answer(&mut ann, json!(1)).await;
    let answers = asked.await.unwrap();
    assert_eq!(by_id(&answers), expected([(&ids[0], "1"), (&ids[1], "2")]));
    let mut votes = answers.all().unwrap();
    votes.sort_unstable();
    assert_eq!(votes, [1, 2]);
    cid.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn what_came_until_the_timeout_is_kept() {
    let World { server, mut ann, bob: _bob, mut cid, ids } = world().await;
    let start = Instant::now();
    let asked = ask(server.of("/jury").emit_with_ack::<u8>("vote", &()).timeout(Duration::from_secs(3)));
    answer(&mut ann, json!(1)).await;
    answer(&mut cid, json!(3)).await;
    let answers = asked.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let timeout = "operation has timed out";
    assert_eq!(by_id(&answers), expected([(&ids[0], "1"), (&ids[1], timeout), (&ids[2], "3")]));
    let answers = answers.all().unwrap_err();
    assert_eq!((answers.len(), answers.arrived().count()), (3, 2));
    assert!(answers.into_iter().any(|(_, answer)| matches!(answer, Err(RequestError::Timeout))));
}

#[tokio::test(start_paused = true)]
async fn all_of_them_wait_as_long_as_one_would() {
    let world = world().await;
    let start = Instant::now();
    let answers = world.server.of("/jury").emit_with_ack::<u8>("vote", &()).await;
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!((answers.len(), answers.arrived().count()), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn each_failure_is_the_one_of_its_socket() {
    let World { server, mut ann, bob, mut cid, ids } = world().await;
    let _slow = server.connect("/jury?room=slow").without_waiting().unwrap();
    tokio::task::yield_now().await;
    let asked = ask(server.of("/jury").emit_with_ack::<u8>("vote", &()));
    let (ask_ann, _) = ann.expect_question("vote").await;
    ann.answer_with_error(ask_ann, "no").await;
    bob.close().await;
    answer(&mut cid, json!("three")).await;
    let answers = by_id(&asked.await.unwrap());
    assert_eq!(answers[&ids[0]], "the client answered with an error: \"no\"");
    assert_eq!(answers[&ids[1]], "the client is gone");
    assert_eq!(answers[&ids[2]], "the client's answer cannot be read");
    assert_eq!(answers.len(), 4);
    assert!(answers.values().any(|text| text == "a client cannot be asked while its connect hook runs"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_ask_the_others_of_its_socket() {
    let World { server: _server, mut ann, mut bob, mut cid, .. } = world().await;
    let id = ann.begin("ask_others", ()).await;
    answer(&mut bob, json!(2)).await;
    answer(&mut cid, json!(2)).await;
    let reply = ann.next().await;
    assert!(format!("{reply:?}").contains(&format!("id: {id}")), "{reply:?}");
    assert!(format!("{reply:?}").contains("Number(2), Number(2)"), "{reply:?}");
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_at_once_and_without_a_wait() {
    let World { server, mut ann, .. } = world().await;
    let start = Instant::now();
    let answers = server.of("/jury").to("nobody's").emit_with_ack::<u8>("vote", &()).await;
    assert!(answers.is_empty());
    assert_eq!(answers.all().unwrap(), Vec::<u8>::new());
    assert_eq!(start.elapsed(), Duration::ZERO);
    // Nothing is sent before it is awaited.
    drop(server.of("/jury").emit_with_ack::<u8>("vote", &()));
    ann.expect_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_no_longer_waited_for_takes_no_place() {
    let limits = Limits::new().pending_requests(1);
    let server = Server::empty().gateway::<Jury>().limits(limits).test().await.unwrap();
    let mut ann = server.connect("/jury").await.unwrap();
    for _ in 0..3 {
        let asked = ask(server.of("/jury").emit_with_ack::<u8>("vote", &()));
        ann.expect_question("vote").await;
        let second = server.of("/jury").emit_with_ack::<u8>("vote", &()).await;
        assert_eq!(
            by_id(&second).into_values().collect::<Vec<_>>(),
            ["too many questions to this client wait for an answer"]
        );
        asked.abort();
        assert!(asked.await.unwrap_err().is_cancelled());
    }
}

#[derive(Debug, Deserialize)]
struct Vote {
    grade: u8,
    why: Option<String>,
}

#[tokio::test(start_paused = true)]
async fn answers_are_read_as_any_type_and_as_lists() {
    let World { server, mut ann, bob: _bob, cid: _cid, ids } = world().await;
    let asked = ask(server.of("/jury").to(&ids[0]).emit_with_ack::<Vote>("vote", &()));
    answer(&mut ann, json!({"grade": 4})).await;
    let [Vote { grade, why }] = &asked.await.unwrap().all().unwrap()[..] else { panic!("one vote") };
    assert_eq!((*grade, why.as_deref()), (4, None));
    let asked = ask(server.of("/jury").to(&ids[0]).emit_with_ack::<Args<(u8, Option<String>)>>("vote", &()));
    answer(&mut ann, json!(4)).await;
    assert_eq!(asked.await.unwrap().all().unwrap(), [Args((4, None))]);
}

#[tokio::test(start_paused = true)]
async fn clients_of_both_formats_are_asked_at_once() {
    let server = Server::empty().gateway::<Jury>().test().await.unwrap();
    let mut ann = server.connect("/jury").await.unwrap();
    let mut bob = server.connect("/jury").socket_io().await.unwrap();
    let asked = ask(server.of("/jury").emit_with_ack::<Args<(u8, Option<String>)>>("vote", &Args(("now", 1))));
    let (ask_ann, data) = ann.expect_question("vote").await;
    assert_eq!(data, json!(["now", 1]));
    ann.answer(ask_ann, json!([1, "why not"])).await;
    let (ask_bob, data) = bob.expect_question("vote").await;
    assert_eq!(data, json!(["now", 1]));
    bob.send_text(&format!("43/jury,{ask_bob}[1,\"why not\"]")).await;
    let answer = Args((1, Some("why not".to_owned())));
    assert_eq!(asked.await.unwrap().all().unwrap(), [answer.clone(), answer]);
}
