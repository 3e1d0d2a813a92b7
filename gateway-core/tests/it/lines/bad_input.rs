//! Clients that do not keep to the rules: each is answered, bounded and counted.

use std::time::Duration;

use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

use super::{Wire, start};

/// Sends these first bytes: the answer is a refusal, and the end.
async fn refused(server: &gateway_core::testing::TestServer, first: &[u8]) -> (u64, String) {
    let before = server.count(Counter::RejectedHandshakes);
    let mut wire = Wire::open(server);
    wire.bytes(first).await;
    let answer = wire.json().await;
    let refused = &answer["refused"];
    assert_eq!(wire.line().await, "", "nothing behind a refusal");
    assert_eq!(server.count(Counter::RejectedHandshakes), before + 1);
    (refused["status"].as_u64().unwrap(), refused["message"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_malformed_first_line_is_refused() {
    let (server, _) = start(|server| server).await;
    let no_object = "the first line is not a JSON object, such as {\"connect\":\"/chat\"}";
    let unreadable = |why: &str| format!("the first message cannot be read: {why}");
    for (first, expected) in [
        ("hello\n", no_object.to_owned()),
        ("[\"/room/a\"]\n", no_object.to_owned()),
        ("{\"connect\":\n", unreadable("EOF while parsing a value at line 1 column 11")),
        ("{\"event\":\"echo\"}\n", unreadable("missing field `connect` at line 1 column 16")),
        (
            "{\"connect\":\"/room/a\",\"resume\":1}\n",
            "`resume` is neither a boolean nor an object with `key` and `offset`".into(),
        ),
        ("{\"connect\":\"/room/a\",\"headers\":{\"a b\":\"\"}}\n", "a member of `headers` is no header".into()),
        ("{\"connect\":\"/room/a\",\"headers\":{\"a\":\"\\n\"}}\n", "a member of `headers` is no header".into()),
    ] {
        assert_eq!(refused(&server, first.as_bytes()).await, (400, expected), "{first}");
    }
    assert_eq!(refused(&server, b"{\"connect\":\"\xff\"}\n").await, (400, "the first line is not UTF-8".into()));
    assert_eq!(refused(&server, b"\x16\x03\x01").await, (400, "this port takes lines of JSON without TLS".into()));
    assert_eq!(refused(&server, b"\0\0\0\x01\xc1").await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_request_of_http_is_refused_at_its_first_byte() {
    let (server, _) = start(|server| server).await;
    let post = b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n{\"connect\":\"/room/a\"}\n{\"event\":\"tell\",\"data\":\"x\"}\n";
    assert_eq!(refused(&server, post).await, (400, "this port takes lines of JSON, and no HTTP".into()));
    assert_eq!(server.count(Counter::Events), 0);
}

#[tokio::test(start_paused = true)]
async fn an_oversized_first_line_is_refused_before_its_end() {
    let (server, _) = start(|server| server).await;
    let text = "the first message has more than 16384 bytes";
    let long = format!("{{\"connect\":\"/{}", "x".repeat(20_000));
    assert_eq!(refused(&server, long.as_bytes()).await, (400, text.into()));
    assert_eq!(refused(&server, &[b"\0\0\x40\x01".as_slice(), b"x"].concat()).await, (400, text.into()));
    assert_eq!(refused(&server, &b"\n".repeat(20_000)).await, (400, "there is nothing in the first lines".into()));
    let headers: serde_json::Map<String, Value> = (0..101).map(|number| (format!("h{number}"), json!(""))).collect();
    let many = format!("{}\n", json!({"connect": "/room/a", "headers": headers}));
    assert_eq!(refused(&server, many.as_bytes()).await, (431, "there are more than 100 headers".into()));
    let query = format!("{{\"connect\":\"/room/a?{}\"}}\n", "a=1&".repeat(200));
    assert_eq!(refused(&server, query.as_bytes()).await.0, 414);
}

#[gateway(namespace = "/whole")]
struct Whole;

#[gateway]
impl Whole {
    #[on_message]
    fn message(&self, text: Message) -> Message {
        text
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_namespace_is_refused_and_so_is_a_raw_one() {
    let (server, _) = start(Server::gateway::<Whole>).await;
    let (status, text) = refused(&server, b"{\"connect\":\"/nowhere\"}\n").await;
    assert_eq!((status, text.starts_with("there is no gateway at this path")), (404, true), "{text}");
    let text = "this namespace takes whole messages, which lines do not have".to_owned();
    assert_eq!(refused(&server, b"{\"connect\":\"/whole\"}\n").await, (404, text));
    // In its own framing.
    let mut wire = Wire::open(&server);
    wire.bytes(b"\0\0\0\x0b\x81\xa7connect\xa1/").await;
    let mut answer = Vec::new();
    wire.0.read_to_end(&mut answer).await.unwrap();
    let (length, map) = answer.split_first_chunk().unwrap();
    assert_eq!(u32::from_be_bytes(*length) as usize, map.len());
    assert!(map.starts_with(b"\x81\xa7refused\x82\xa6status\xcd\x01\x94\xa7message"), "{map:?}");
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_refused_before_there_is_a_socket() {
    let (server, _) = start(|server| server.limits(Limits::new().auth_bytes(100))).await;
    let wrong = (401, "wrong word".to_owned());
    assert_eq!(refused(&server, b"{\"connect\":\"/guarded\"}\n").await, wrong);
    assert_eq!(refused(&server, b"{\"connect\":\"/guarded\",\"auth\":\"left\"}\n").await, wrong);
    let long = format!("{{\"connect\":\"/guarded\",\"auth\":\"{}\"}}\n", "x".repeat(100));
    assert_eq!(refused(&server, long.as_bytes()).await, (431, "the credentials are too large".into()));
    let mut wire = Wire::open(&server);
    wire.write("{\"connect\":\"/guarded\",\"auth\":\"right\"}\n").await;
    assert_eq!(wire.json().await["session"]["resumed"], false);
    assert_eq!(server.count(Counter::Connections), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hook_refuses_with_its_exception_and_a_close_line() {
    let (server, ends) = start(|server| server).await;
    let mut wire = Wire::open(&server);
    wire.write("{\"connect\":\"/room/closed\"}\n{\"event\":\"echo\",\"id\":1}\n").await;
    let refusal = wire.json().await;
    assert_eq!((&refusal["event"], &refusal["data"]["code"]), (&json!("exception"), &json!("closed")), "{refusal}");
    assert_eq!(wire.line().await, r#"{"close":{"code":4500,"reason":"refused"}}"#);
    assert_eq!(wire.line().await, "");
    server.stop().await;
    assert_eq!(ends.all(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn slow_first_bytes_have_one_deadline() {
    let (server, _) = start(|server| server).await;
    let mut silent = Wire::open(&server);
    let mut slow = Wire::open(&server);
    let began = Instant::now();
    for byte in b"{\"connect\":" {
        slow.bytes(&[*byte]).await;
        sleep(Duration::from_millis(800)).await;
    }
    for wire in [&mut silent, &mut slow] {
        assert_eq!(
            wire.line().await,
            r#"{"refused":{"status":408,"message":"the first message did not come in time"}}"#
        );
        assert_eq!(wire.line().await, "");
    }
    assert_eq!(began.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_no_message_is_answered_and_the_connection_lives() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    for (line, code) in [
        (&b"hello\n"[..], "malformed"),
        (b"{\"event\":\n", "malformed"),
        (b"\xff\xfe\n", "malformed"),
        (b"{\"ping\":}\n", "malformed"),
        (b"{\"event\":\"nobody\"}\n", "unknown_event"),
    ] {
        wire.bytes(line).await;
        let answer = wire.json().await;
        assert_eq!((&answer["event"], &answer["data"]["code"]), (&json!("exception"), &json!(code)), "{answer}");
    }
    wire.write("{\"event\":\"echo\",\"data\":1,\"id\":1}\n").await;
    assert_eq!(wire.json().await["data"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_oversized_line_ends_the_connection_and_is_told_why() {
    let (server, ends) = start(|server| server.limits(Limits::new().message_bytes(1000))).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write(&format!("{{\"event\":\"echo\",\"data\":\"{}", "x".repeat(100_000))).await;
    assert_eq!(wire.line().await, r#"{"close":{"code":1009,"reason":"a line has more than 1000 bytes"}}"#);
    assert_eq!(wire.line().await, "");
    let mut wire = Wire::enter(&server, "a").await;
    wire.write(&format!("{{\"ping\":\"{}\"}}\n", "x".repeat(124))).await;
    assert_eq!(wire.line().await, r#"{"close":{"code":1008,"reason":"a ping has more than 125 bytes"}}"#);
    drop(wire);
    assert_eq!(server.count(Counter::ProtocolErrors), 2);
    server.stop().await;
    assert_eq!(ends.all(), ["protocol violation (1009)", "protocol violation (1008)"]);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_stop_within_a_line_have_a_deadline() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    let began = Instant::now();
    wire.write("{\"event\":").await;
    let close = loop {
        let line = wire.line().await;
        if line != "{\"ping\":1}" {
            break line;
        }
    };
    assert!(close.starts_with(r#"{"close":{"code":1008,"#), "{close}");
    assert_eq!(began.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn too_many_pings_end_the_connection() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write(&"{\"ping\":1}\n".repeat(101)).await;
    let rest = wire.rest().await;
    assert!(rest.ends_with("{\"close\":{\"code\":1008,\"reason\":\"too many pings\"}}\n"), "{rest}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_let_go() {
    let (server, ends) = start(|server| server.limits(Limits::new().burst_bytes(400_000).outbox_bytes(200_000))).await;
    let mut wire = Wire::enter(&server, "a").await;
    for _ in 0..10 {
        wire.write("{\"event\":\"flood\",\"data\":100000}\n").await;
    }
    let mut other = server.connect("/room/a").await.unwrap();
    for _ in 0..20 {
        other.emit_with_ack::<usize>("tell", "x".repeat(50_000)).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    sleep(Duration::from_mins(3)).await;
    assert_eq!(ends.all(), ["the client read too slowly (4000)"]);
    drop(wire);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_read_no_faster_than_it_is_handled() {
    let (server, _) = start(|server| server.limits(Limits::new().overflow(Overflow::Close))).await;
    let mut wire = Wire::enter(&server, "a").await;
    let line = format!("{{\"event\":\"slowly\",\"data\":\"{}\"}}\n", "x".repeat(10_000));
    let sent = timeout(Duration::from_secs(1), async {
        let mut sent = 0;
        loop {
            wire.0.get_mut().write_all(line.as_bytes()).await.unwrap();
            sent += 1;
            if sent > 10_000 {
                break;
            }
        }
    });
    assert!(sent.await.is_err(), "reading has stopped, and so has the client");
    assert!(server.count(Counter::Events) < 100);
}

#[tokio::test(start_paused = true)]
async fn connections_are_limited_as_everywhere() {
    let (server, _) = start(|server| server.limits(Limits::new().connections(1))).await;
    let _first = Wire::enter(&server, "a").await;
    let mut second = Wire::open(&server);
    second.write("{\"connect\":\"/room/a\"}\n").await;
    let full = r#"{"refused":{"status":503,"message":"there are too many connections","retry_after":5}}"#;
    assert_eq!(second.line().await, full);
}

#[tokio::test(start_paused = true)]
async fn a_loss_at_every_byte_leaves_nothing_behind() {
    let (server, ends) = start(|server| server).await;
    let all = "{\"connect\":\"/room/a\"}\n{\"event\":\"echo\",\"data\":1,\"id\":1}\n{\"event\":\"forever\",\"id\":2}\n";
    for end in 0..all.len() {
        let mut wire = Wire::open(&server);
        wire.write(&all[..end]).await;
        drop(wire);
    }
    sleep(Duration::from_mins(1)).await;
    let accepted = server.count(Counter::Connections);
    assert_eq!((accepted, server.count(Counter::Disconnections)), (ends.all().len() as u64, accepted));
    assert_eq!(server.of("/room/a").count(), 0);
}
