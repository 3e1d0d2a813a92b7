//! Messages of clients that keep to the rules.

use std::time::Duration;

use gateway_core::CloseCode;
use gateway_core::limits::Limits;
use gateway_core::serve::Drain;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{advance, sleep};

use super::{Wire, start};

#[tokio::test(start_paused = true)]
async fn the_first_line_is_greeted_and_requests_are_answered() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"event\":\"echo\",\"data\":[1,\"ü\"],\"id\":7}\n").await;
    assert_eq!(wire.line().await, r#"{"event":"echo","data":[1,"ü"],"id":7}"#);
    wire.write("{\"event\":\"echo\",\"data\":1}\r\n").await;
    assert_eq!(wire.line().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_whole_conversation_may_come_in_one_piece_or_byte_for_byte() {
    let (server, _) = start(|server| server).await;
    let requests = (0..200).map(|id| format!("{{\"event\":\"echo\",\"data\":{id},\"id\":{id}}}\n"));
    let all = format!("\r\n{{\"connect\":\"/room/a\"}}\n{}", requests.collect::<String>());
    for size in [all.len(), 1, 100] {
        let mut wire = Wire::open(&server);
        for piece in all.as_bytes().chunks(size) {
            wire.bytes(piece).await;
        }
        assert_eq!(wire.json().await["session"]["resumed"], false);
        for id in 0..200 {
            assert_eq!(wire.json().await, json!({"event": "echo", "data": id, "id": id}));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_headers_and_the_query_reach_the_handshake() {
    let (server, _) = start(|server| server.trust_proxies(["unix"])).await;
    let mut wire = Wire::open(&server);
    let first = json!({
        "connect": "/room/a%20b?lang=de",
        "auth": {"token": "t"},
        "headers": {"Authorization": "Bearer b", "cookie": "x=1; session=s", "X-Forwarded-For": "9.9.9.9"},
    });
    wire.write(&format!("{first}\n")).await;
    assert_eq!(wire.json().await["session"]["resumed"], false);
    wire.write("{\"event\":\"said\",\"id\":1}\n").await;
    let expected = json!({
        "auth": {"token": "t"}, "authorization": "Bearer b", "forwarded": null, "session": "s", "lang": "de",
        "path": "/room/a b",
    });
    assert_eq!(wire.json().await["data"], expected);
}

#[tokio::test(start_paused = true)]
async fn a_room_holds_clients_of_every_kind() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    let mut device = server.connect_tcp("/room/a").await.unwrap();
    let mut browser = server.connect("/room/a").await.unwrap();
    let mut socket_io = server.connect("/room/a").socket_io().await.unwrap();
    assert_eq!(device.emit_with_ack::<usize>("tell", "hi").await, Ok(3));
    assert_eq!(wire.line().await, r#"{"event":"told","data":"hi"}"#);
    for client in [&mut browser, &mut socket_io] {
        assert_eq!(client.expect_named("told").await, json!("hi"));
    }
    assert_eq!(browser.emit_with_ack::<usize>("tell", "hello").await, Ok(3));
    assert_eq!(device.expect_named("told").await, json!("hello"));
}

#[tokio::test(start_paused = true)]
async fn streams_cancels_and_questions_are_as_on_a_websocket() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"event\":\"count\",\"data\":2,\"id\":1}\n").await;
    assert_eq!(wire.line().await, r#"{"event":"count","data":0,"id":1,"more":true}"#);
    assert_eq!(wire.line().await, r#"{"event":"count","data":1,"id":1,"more":true}"#);
    assert_eq!(wire.line().await, r#"{"event":"count","id":1,"end":true}"#);
    wire.write("{\"event\":\"count\",\"data\":1000000,\"id\":2}\n").await;
    wire.line().await;
    wire.write("{\"cancel\":2}\n{\"event\":\"ask\",\"id\":3}\n").await;
    let mut question = wire.json().await;
    while question["ask"].is_null() {
        question = wire.json().await;
    }
    wire.write(&format!("{{\"answer\":{},\"data\":\"Ann\"}}\n", question["ask"])).await;
    assert_eq!(wire.json().await, json!({"event": "ask", "data": "Ann", "id": 3}));
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_has_no_line_break_of_any_kind() {
    let (server, _) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    let mut browser = server.connect("/room/a").await.unwrap();
    // Data of another client goes through as it was written.
    browser.emit("tell", "a\u{2028}b\u{2029}c\u{85}d\n").await;
    assert_eq!(wire.line().await, r#"{"event":"told","data":"a\u2028b\u2029c\u0085d\n"}"#);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_and_silence_is_asked_about() {
    let (server, ends) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"ping\":{\"at\":1}}\n{\"ping\":null}\n").await;
    assert_eq!(wire.line().await, r#"{"pong":{"at":1}}"#);
    assert_eq!(wire.line().await, r#"{"pong":null}"#);
    // Each of these is a sign of life.
    for line in ["\n", "\r\n", "{\"pong\":1}\n", "{\"event\":\"unknown\"}\n"] {
        loop {
            let told = wire.line().await;
            if told == "{\"ping\":1}" {
                break;
            }
            assert!(told.contains("unknown_event"), "{told}");
        }
        sleep(Duration::from_secs(19)).await;
        wire.write(line).await;
    }
    let mut told = wire.line().await;
    while told != "{\"ping\":1}" {
        told = wire.line().await;
    }
    assert_eq!(wire.line().await, r#"{"close":{"code":4001,"reason":"heartbeat timeout"}}"#);
    assert_eq!(wire.line().await, "");
    advance(Duration::from_secs(10)).await;
    server.stop().await;
    assert_eq!(ends.all(), ["heartbeat timeout (4001)"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_says_goodbye_and_reads_it_back() {
    let (server, ends) = start(|server| server).await;
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"close\":{\"code\":1000,\"reason\":\"bye\"}}\n").await;
    assert_eq!(wire.line().await, r#"{"close":{"code":1000,"reason":"bye"}}"#);
    assert_eq!(wire.line().await, "");
    let mut wire = Wire::enter(&server, "a").await;
    wire.write("{\"close\":{}}\n").await;
    assert_eq!(wire.line().await, r#"{"close":{}}"#);
    drop(wire);
    server.stop().await;
    assert_eq!(ends.all(), ["the client closed (1000)", "the client closed (1005)"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_told_by_a_close_line_and_a_late_client_may_come_later() {
    let (server, ends) = start(|server| server.drain(Drain::new().close_code(CloseCode::SERVICE_RESTART))).await;
    let mut wire = Wire::enter(&server, "a").await;
    let mut unspoken = Wire::open(&server);
    server.handle().shutdown();
    assert_eq!(wire.line().await, r#"{"close":{"code":1012,"reason":"service restart"}}"#);
    assert_eq!(wire.line().await, "");
    assert_eq!(unspoken.line().await, r#"{"refused":{"status":503,"message":"the server stops","retry_after":5}}"#);
    assert_eq!(unspoken.line().await, "");
    drop((wire, unspoken));
    server.stop().await;
    assert_eq!(ends.all(), ["the server stops (1001)"]);
}

/// A message of MessagePack behind its length.
pub(super) fn message(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// The next message of MessagePack.
pub(super) async fn read(stream: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = vec![0; stream.read_u32().await.unwrap().try_into().unwrap()];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test(start_paused = true)]
async fn messagepack_stands_behind_its_length() {
    let (server, _) = start(|server| server.limits(Limits::new().ping_interval(Duration::from_secs(10)))).await;
    let mut stream = server.tcp();
    stream.write_all(&message(b"\x81\xa7connect\xa7/room/a")).await.unwrap();
    assert!(read(&mut stream).await.starts_with(b"\x81\xa7session\x82\xa2id"));
    stream.write_all(&message(b"\x83\xa5event\xa4echo\xa4data\x92\x01\xa2ab\xa2id\x07")).await.unwrap();
    assert_eq!(read(&mut stream).await, b"\x83\xa5event\xa4echo\xa4data\x92\x01\xa2ab\xa2id\x07");
    stream.write_all(&message(b"\x81\xa4ping\x2a")).await.unwrap();
    assert_eq!(read(&mut stream).await, b"\x81\xa4pong\x2a");
    assert_eq!(read(&mut stream).await, b"\x81\xa4ping\x01");
    stream.write_all(&message(b"")).await.unwrap();
    assert_eq!(read(&mut stream).await, b"\x81\xa4ping\x01");
    stream.write_all(&message(b"\x81\xa5close\x80")).await.unwrap();
    assert_eq!(read(&mut stream).await, b"\x81\xa5close\x80");
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_end_within_a_message_of_messagepack_is_a_fault() {
    let (server, _) = start(|server| server).await;
    let mut stream = server.tcp();
    stream.write_all(&message(b"\x81\xa7connect\xa7/room/a")).await.unwrap();
    assert!(read(&mut stream).await.starts_with(b"\x81\xa7session\x82\xa2id"));
    stream.write_all(&message(b"\x81\xa4ping\x2a")[..5]).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read(&mut stream).await;
    assert!(answer.windows(3).any(|bytes| bytes == b"\xcd\x03\xea"), "close 1002: {answer:?}");
}
