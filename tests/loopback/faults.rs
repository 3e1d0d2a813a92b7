//! Networks that delay, split, reset and swallow: nothing is lost that could be kept, and what is lost is noticed.

use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_tests::{Frame, Proxy, Raw, Received, Weather};

use crate::server::Probe;

async fn behind_a_proxy(server: &Probe) -> (Proxy, Raw) {
    let proxy = Proxy::to(server.address).await;
    let client = Raw::connect(proxy.address(), "/probe").await;
    (proxy, client)
}

/// A server that notices within 1.5 s that a client is gone, where the machine has time for it.
async fn watchful() -> Probe {
    let limits = Limits::new().ping_interval(Duration::from_secs(1)).ping_timeout(Duration::from_millis(500));
    Probe::with(|server| server.limits(limits)).await
}

fn echo(number: usize) -> String {
    format!(r#"{{"event":"echo","data":{number},"id":{number}}}"#)
}

/// Requests in one go, whose answers come in their order.
async fn converse(client: &mut Raw) {
    let frames: Vec<u8> = (0..30).flat_map(|number| Frame::text(echo(number)).bytes()).collect();
    client.write(&frames).await;
    for number in 0..30 {
        assert_eq!(client.next_text().await, echo(number));
    }
    let large = format!(r#"{{"event":"length","data":"{}","id":1}}"#, "ä".repeat(1000));
    let (first, rest) = large.split_at(100);
    client.send(Frame::text(first).not_last()).await;
    client.send(Frame::new(Frame::PING, "between")).await;
    client.send(Frame::new(Frame::CONTINUATION, rest)).await;
    let mut said = [client.next().await, client.next().await];
    said.sort_by_key(|received| matches!(received, Received::Text(_)));
    let answer = r#"{"event":"length","data":2000,"id":1}"#;
    assert_eq!(said, [Received::Pong(b"between".to_vec()), Received::Text(answer.into())]);
}

#[tokio::test]
async fn a_conversation_may_be_split_at_every_byte() {
    let server = Probe::start().await;
    for piece in [1, 2, 3, 7] {
        let proxy = Proxy::to(server.address).await;
        proxy.turn(Weather::Split(piece));
        let mut client = Raw::connect(proxy.address(), "/probe").await;
        converse(&mut client).await;
        client.send(Frame::close(4321, "done")).await;
        assert_eq!(client.next().await, Received::Close(Some(4321), "done".into()));
        assert_eq!(client.next().await, Received::End);
    }
}

#[tokio::test]
async fn requests_of_long_polling_may_be_split_at_every_byte() {
    let server = Probe::start().await;
    let proxy = Proxy::to(server.address).await;
    proxy.turn(Weather::Split(1));
    let mut client = Raw::dial(proxy.address()).await;
    let get = |query: &str| format!("GET /socket.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    let opened = client.ask(&get("")).await;
    let sid = opened.body.split('"').nth(3).expect("a session").to_owned();
    let post = |body: &str| {
        let query = format!("/socket.io/?EIO=4&transport=polling&sid={sid}");
        format!("POST {query} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    assert_eq!(client.ask(&post("40/probe,")).await.body, "ok");
    assert!(client.ask(&get(&format!("&sid={sid}"))).await.body.starts_with("40/probe,"));
    assert_eq!(client.ask(&post(r#"42/probe,7["length","abc"]"#)).await.body, "ok");
    assert_eq!(client.ask(&get(&format!("&sid={sid}"))).await.body, "43/probe,7[3]");
}

#[tokio::test]
async fn a_slow_or_late_network_costs_time_alone() {
    let server = Probe::start().await;
    let late = Weather::Delayed(Duration::from_millis(20));
    let slow = Weather::Slow { piece: 64, every: Duration::from_millis(1) };
    for weather in [late, slow] {
        let (proxy, mut client) = behind_a_proxy(&server).await;
        proxy.turn(weather);
        converse(&mut client).await;
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_is_lost_once_wherever_it_was() {
    let mut server = Probe::start().await;
    let mut witness = server.connect().await;
    let begun = [
        Frame::text("").declaring(1000).bytes(),
        Frame::text("a part").not_last().bytes(),
        Frame::text(r#"{"event":"linger","id":1}"#).bytes(),
        Vec::new(),
    ];
    for bytes in begun {
        let (proxy, mut client) = behind_a_proxy(&server).await;
        client.write(&bytes).await;
        client.send(Frame::new(Frame::PING, "")).await;
        if bytes.is_empty() {
            assert_eq!(client.next().await, Received::Pong(vec![]));
        }
        proxy.turn(Weather::Reset);
        assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Lost)));
    }
    let proxy = Proxy::to(server.address).await;
    proxy.turn(Weather::Reset);
    // Inside its request head a client is nobody yet.
    drop(Raw::dial(proxy.address()).await);
    witness.text(&echo(1)).await;
    assert_eq!(witness.next_text().await, echo(1));
    assert_eq!(server.running.handle().of("/probe").unwrap().count(), 1);
    assert!(server.ends.try_recv().is_err(), "each hook ran once");
}

#[tokio::test]
async fn a_half_open_connection_is_found_by_its_silence() {
    let mut server = watchful().await;
    let (proxy, mut client) = behind_a_proxy(&server).await;
    client.text(&echo(1)).await;
    assert_eq!(client.next_text().await, echo(1));

    proxy.turn(Weather::Blackhole);
    let since = Instant::now();
    // Neither this goodbye nor what the server says arrives.
    client.send(Frame::close(1000, "")).await;
    server.running.handle().of("/probe").unwrap().emit("told", "nobody");
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::HeartbeatTimeout)));
    println!("found after {:?}; interval and timeout are 1.5 s", since.elapsed());

    assert_eq!(server.running.handle().of("/probe").unwrap().count(), 0);
    assert!(server.ends.try_recv().is_err(), "its hook ran once");
}

#[tokio::test]
async fn an_outage_shorter_than_the_heartbeat_loses_nothing() {
    let server = Probe::start().await;
    let (proxy, mut client) = behind_a_proxy(&server).await;
    proxy.turn(Weather::Blackhole);
    for number in 0..100 {
        client.text(&echo(number)).await;
        server.running.handle().of("/probe").unwrap().emit("told", &number);
    }
    // So that what was sent meets the outage. What is asserted holds however long it lasts.
    tokio::time::sleep(Duration::from_millis(50)).await;
    proxy.turn(Weather::Fair);
    let (mut told, mut answered) = (0, 0);
    while told + answered < 200 {
        let text = client.next_text().await;
        if text == echo(answered) {
            answered += 1;
        } else {
            assert_eq!(text, format!(r#"{{"event":"told","data":{told}}}"#));
            told += 1;
        }
    }
}
