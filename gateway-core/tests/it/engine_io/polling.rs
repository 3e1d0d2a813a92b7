//! Requests of polling clients, and the ends of a session.

use std::time::Duration;

use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::socket_io::EngineIo;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::support::{Engine, endless, engine, engine_of, engine_with, get, pieces, post, session, settle};

/// The session answers no more.
async fn is_gone(engine: &Engine, id: &str) {
    assert_eq!(engine.poll(id).await.refusal(), (400, json!(1), "Session ID unknown".to_owned()));
    assert_eq!(engine.post(id, "4a").await.refusal().1, json!(1));
}

/// Requests that were rejected, and violations.
fn counted(engine: &Engine) -> (u64, u64) {
    (engine.handle.count(Counter::RejectedHandshakes), engine.handle.count(Counter::ProtocolErrors))
}

async fn is_alive(engine: &Engine, id: &str) {
    assert_eq!(engine.post(id, "4alive").await.body, "ok");
    assert_eq!(engine.poll(id).await.body, "4alive");
}

#[tokio::test(start_paused = true)]
async fn packets_are_brought_and_fetched() {
    let engine = engine().await;
    let id = engine.open().await;
    let answer = engine.post(&id, "4hello").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok"));
    assert_eq!(answer.header("content-type"), Some("text/html"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = engine.poll(&id).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "4hello"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test(start_paused = true)]
async fn several_packets_are_in_one_body_and_binary_is_base64() {
    let engine = engine().await;
    let id = engine.open().await;
    let body = "4test1\u{1e}4€ä\u{1e}bAQIDBA==\u{1e}4test3";
    assert_eq!(engine.post(&id, body).await.body, "ok");
    assert_eq!(engine.poll(&id).await.body, body);
}

#[tokio::test(start_paused = true)]
async fn a_poll_waits_until_there_is_something() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    sleep(Duration::from_secs(5)).await;
    assert!(!poll.is_finished());
    engine.post(&id, "4now").await;
    assert_eq!(poll.await.unwrap().body, "4now");
}

#[tokio::test(start_paused = true)]
async fn of_two_polls_at_once_the_first_is_closed_and_the_second_refused() {
    let engine = engine().await;
    let id = engine.open().await;
    let first = engine.begin_poll(&id);
    settle().await;
    let second = engine.poll(&id).await;
    assert_eq!(second.status, 400);
    let first = first.await.unwrap();
    assert_eq!((first.status, first.body.as_str()), (200, "1"));
    assert_eq!(counted(&engine), (1, 1));
    is_gone(&engine, &id).await;
    // It is over, and waits for nobody.
    let begun = Instant::now();
    engine.handle.shutdown();
    engine.handle.stopped().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn of_two_posts_at_once_both_are_refused() {
    let engine = engine().await;
    let id = engine.open().await;
    let first = engine.begin_post(&id, endless(b"4a"));
    settle().await;
    assert_eq!(engine.post(&id, "4b").await.status, 400);
    assert_eq!(first.await.unwrap().status, 400);
    assert_eq!(counted(&engine), (2, 1));
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_is_given_up_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    poll.abort();
    settle().await;
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_post_that_breaks_off_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    let post = engine.begin_post(&id, endless(b"4a"));
    settle().await;
    post.abort();
    settle().await;
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_given_up() {
    let engine = engine().await;
    let id = engine.open().await;
    let begun = Instant::now();
    // The heartbeat goes on meanwhile.
    let poll = engine.begin_poll(&id);
    assert_eq!(engine.post(&id, endless(b"4a")).await.status, 408);
    assert_eq!(begun.elapsed(), Duration::from_secs(30));
    let _ = poll.await;
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_above_the_limit_is_refused_and_ends_the_session() {
    let engine = engine_with(EngineIo::new().max_http_buffer_size(1000)).await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, format!("4{}", "x".repeat(999))).await.body, "ok");
    assert_eq!(engine.poll(&id).await.body.len(), 1000);
    let poll = engine.begin_poll(&id);
    settle().await;
    assert_eq!(engine.post(&id, format!("4{}", "x".repeat(1000))).await.status, 413);
    assert_eq!(poll.await.unwrap().body, "1");
    assert_eq!(counted(&engine), (0, 1));
    is_gone(&engine, &id).await;
    // The session waits for no end of the body: neither where the size was announced, nor where it turns out.
    let announced = |id: &str| post(id).header("content-length", "999999999").body(endless(b"4a")).unwrap();
    let turns_out = |id: &str| post(id).body(endless(&[b'4'; 1001])).unwrap();
    for request in [&announced as &dyn Fn(&str) -> _, &turns_out] {
        let id = engine.open().await;
        assert_eq!(engine.send(request(&id)).await.status, 413);
        is_gone(&engine, &id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_in_too_many_pieces_is_refused_and_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, pieces("4", 9999)).await.body, "ok");
    assert_eq!(engine.poll(&id).await.body.len(), 10_000);
    assert_eq!(engine.post(&id, pieces("4", 10_000)).await.status, 413);
    settle().await;
    assert_eq!(counted(&engine), (0, 1));
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_binary_body_is_refused_and_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    let request = post(&id).body(Body::from("4a")).unwrap();
    let (mut head, body) = request.into_parts();
    head.headers.insert("content-type", "application/octet-stream".parse().unwrap());
    let answer = engine.send(gateway_core::http::Request::from_parts(head, body)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(poll.await.unwrap().body, "1");
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn malformed_bodies_end_the_session() {
    let bodies: [&[u8]; 9] = [b"", b"abc", b"7", b"\xff\xfe", b"4\xff", b"4a\x1e", b"\x1e", b"4a\x1e\x1e4b", b"b!"];
    for body in bodies {
        let engine = engine().await;
        let id = engine.open().await;
        let answer = engine.post(&id, body).await;
        assert_eq!(answer.refusal(), (400, json!(3), "Bad request".to_owned()), "{body:?}");
        settle().await;
        assert_eq!(counted(&engine), (1, 1), "{body:?}");
        is_gone(&engine, &id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_the_client_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    assert_eq!(engine.post(&id, "2").await.status, 400);
    assert_eq!(poll.await.unwrap().body, "1");
    is_gone(&engine, &id).await;

    let mut websocket = engine.open_websocket().await;
    websocket.send("2").await;
    assert_eq!(websocket.closed().await, 1005);
    // The refused POST and the two ends; the session that was gone was asked for twice.
    assert_eq!(counted(&engine), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn packets_that_mean_nothing_now_are_ignored() {
    let engine = engine().await;
    let id = engine.open().await;
    for packet in ["3", "3probe", "0", "0{}", "5", "6"] {
        assert_eq!(engine.post(&id, packet).await.body, "ok", "{packet}");
    }
    is_alive(&engine, &id).await;

    let mut websocket = engine.open_websocket().await;
    for packet in ["3", "3probe", "0", "5", "6", "4alive"] {
        websocket.send(packet).await;
    }
    assert_eq!(websocket.text().await, "4alive");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_packet_closes_a_websocket() {
    for wrong in ["", "7", "abc", "€", "b!"] {
        let mut websocket = engine().await.open_websocket().await;
        websocket.send(wrong).await;
        assert_eq!(websocket.closed().await, 1005, "{wrong:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_goodbye_is_let_go() {
    let engine = engine().await;
    let id = engine.open().await;
    let poll = engine.begin_poll(&id);
    settle().await;
    assert_eq!(engine.post(&id, "1").await.body, "ok");
    let poll = poll.await.unwrap();
    assert_eq!((poll.status, poll.body.as_str()), (200, "6"));
    is_gone(&engine, &id).await;

    let mut websocket = engine.open_websocket().await;
    websocket.send("1").await;
    assert_eq!(websocket.closed().await, 1005);
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_that_overtakes_its_poll_ends_it_all_the_same() {
    let engine = engine().await;
    let id = engine.open().await;
    let post = engine.begin_post(&id, "4a\u{1e}1");
    settle().await;
    assert!(!post.is_finished());
    assert_eq!(engine.poll(&id).await.body, "4a\u{1e}6");
    assert_eq!(post.await.unwrap().body, "ok");
    is_gone(&engine, &id).await;
    // Where no poll is on its way it is over soon.
    let id = engine.open().await;
    assert_eq!(engine.post(&id, "1").await.body, "ok");
    is_gone(&engine, &id).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_tells_the_polls_that_wait_and_those_that_come() {
    let engine = engine().await;
    let (waits, comes) = (engine.open().await, engine.open().await);
    let poll = engine.begin_poll(&waits);
    settle().await;
    engine.handle.shutdown();
    let stops = (503, r#"{"code":3,"message":"the server stops"}"#);
    for answer in [poll.await.unwrap(), engine.poll(&comes).await] {
        assert_eq!((answer.status, &*answer.body), stops);
    }
    engine.handle.stopped().await;
    is_gone(&engine, &waits).await;
    let refused = engine.get("/engine.io/?EIO=4&transport=polling").await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
}

#[tokio::test(start_paused = true)]
async fn a_session_nobody_polls_is_let_go_at_a_stop() {
    let engine = engine().await;
    let id = engine.open().await;
    let begun = Instant::now();
    engine.handle.shutdown();
    engine.handle.stopped().await;
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    assert_eq!(engine.get(&session(&id)).await.refusal().1, json!(1));
}

#[tokio::test(start_paused = true)]
async fn messages_above_the_limit_close_a_websocket() {
    let engine = engine_with(EngineIo::new().max_http_buffer_size(1000)).await;
    let mut websocket = engine.open_websocket().await;
    websocket.send(&format!("4{}", "x".repeat(999))).await;
    assert_eq!(websocket.text().await.len(), 1000);
    websocket.send(&format!("4{}", "x".repeat(1000))).await;
    assert_eq!(websocket.closed().await, 1009);
}

/// A malformed packet above the engine's ends the session in good order: the POST is answered, and the next poll is
/// told.
#[tokio::test(start_paused = true)]
async fn a_malformed_packet_of_socket_io_is_told_to_the_next_poll() {
    let engine = engine().await;
    let open = engine.get("/socket.io/?EIO=4&transport=polling").await.body;
    let id = open.split('"').nth(3).unwrap();
    let uri = format!("/socket.io/?EIO=4&transport=polling&sid={id}");
    let post = get(&uri).method("POST").body(Body::from("49nonsense")).unwrap();
    assert_eq!(engine.send(post).await.body, "ok");
    assert_eq!(engine.get(&uri).await.body, "6\u{1e}1");
    assert_eq!(engine.get(&uri).await.refusal().1, json!(1));
}

/// Nobody takes what stands behind a packet that ends the session, so nothing waits for that.
#[tokio::test(start_paused = true)]
async fn a_post_that_ends_its_session_before_its_last_packet_is_answered_at_once() {
    for ending in ["49nonsense", "40{bad", "4450-[]"] {
        let engine = engine().await;
        let open = engine.get("/socket.io/?EIO=4&transport=polling").await.body;
        let id = open.split('"').nth(3).unwrap();
        let uri = format!("/socket.io/?EIO=4&transport=polling&sid={id}");
        let send = |body: String| engine.send(get(&uri).method("POST").body(body.into()).unwrap());
        let begun = Instant::now();
        assert_eq!(send(format!("{ending}\u{1e}42[\"late\"]\u{1e}4x")).await.body, "ok", "{ending}");
        // Nor for what comes later: the session is there until its client has heard of the end.
        assert_eq!(send("42[\"later\"]".to_owned()).await.body, "ok", "{ending}");
        assert_eq!(begun.elapsed(), Duration::ZERO, "{ending}");
        assert_eq!(engine.get(&uri).await.body, "6\u{1e}1", "{ending}");
        assert_eq!(engine.get(&uri).await.refusal().1, json!(1), "{ending}");
    }
}

/// Tells how its sockets have gone.
#[gateway(namespace = "/ends")]
struct Ends {
    told: mpsc::UnboundedSender<DisconnectReason>,
}

#[gateway]
impl Ends {
    #[on_message]
    fn message(&self, _message: Message) {}

    #[on_disconnect]
    fn left(&self, why: DisconnectReason) {
        self.told.send(why).unwrap();
    }
}

/// The reference's names of how a session ends by its requests.
#[tokio::test(start_paused = true)]
async fn each_end_by_a_request_has_the_reason_of_the_reference() {
    let (told, mut ends) = mpsc::unbounded_channel::<DisconnectReason>();
    let options = EngineIo::new().max_http_buffer_size(20_000);
    let engine =
        engine_of(Server::empty().gateway::<Ends>().provide(told).engine_io("/engine.io/", "/ends", options)).await;
    for way in ["get", "post", "slow", "large", "too many pieces", "overlap", "goodbye"] {
        let id = engine.open().await;
        match way {
            "get" | "post" => {
                let request =
                    if way == "get" { engine.begin_poll(&id) } else { engine.begin_post(&id, endless(b"4a")) };
                settle().await;
                request.abort();
            }
            "slow" => {
                // It is there all the while.
                let poll = engine.begin_poll(&id);
                assert_eq!(engine.post(&id, endless(b"4a")).await.status, 408);
                let _ = poll.await;
            }
            "large" => assert_eq!(engine.post(&id, "4".repeat(20_001)).await.status, 413),
            "too many pieces" => assert_eq!(engine.post(&id, pieces("", 10_001)).await.status, 413),
            "overlap" => {
                let post = engine.begin_post(&id, endless(b"4a"));
                settle().await;
                assert_eq!(engine.post(&id, "4b").await.status, 400);
                assert_eq!(post.await.unwrap().status, 400);
            }
            _ => assert_eq!(engine.post(&id, "1").await.body, "ok"),
        }
        let why = ends.recv().await.unwrap();
        let expected = if way == "goodbye" { "transport close" } else { "transport error" };
        assert_eq!(why.as_str(), expected, "{way}: {why}");
        assert_eq!(matches!(why, DisconnectReason::Aborted), matches!(way, "get" | "post"), "{way}: {why}");
    }
}
