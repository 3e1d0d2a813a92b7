//! Clients that go without a word, and a server that stops.

use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::Recovery;
use gateway_tests::{Frame, Raw, Received};

use crate::server::Probe;

#[tokio::test]
async fn a_client_that_vanishes_inside_a_handler_leaves_nothing_behind() {
    let mut server = Probe::start().await;
    let mut witness = server.connect().await;
    let mut client = server.connect().await;
    client.text(r#"{"event":"linger","id":1}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"lingering","data":null}"#);

    drop(client);

    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Lost)));
    witness.text(r#"{"event":"tell","data":1,"id":1}"#).await;
    assert_eq!(witness.next_text().await, r#"{"event":"told","data":"x"}"#);
    assert_eq!(witness.next_text().await, r#"{"event":"tell","data":1,"id":1}"#);
}

#[tokio::test]
async fn a_client_that_vanishes_inside_a_message_is_lost() {
    let mut server = Probe::start().await;
    let mut client = server.connect().await;
    client.send(Frame::text("the rest of it").declaring(1000)).await;
    drop(client);
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Lost)));
}

#[tokio::test]
async fn a_client_that_closes_is_known_by_its_code() {
    let mut server = Probe::start().await;
    let mut client = server.connect().await;
    client.send(Frame::close(4321, "for lunch")).await;
    assert!(matches!(client.next().await, Received::Close(Some(4321), _)));
    let Some(DisconnectReason::Client(Some(close))) = server.ends.recv().await else { panic!("the client closed") };
    assert_eq!((close.code.as_u16(), close.reason.as_ref()), (4321, "for lunch"));
}

/// Messages read before a close frame are handled: `npm ws` does so too.
#[tokio::test]
async fn what_a_client_sent_before_it_closed_is_handled() {
    let mut server = Probe::start().await;
    let mut witness = server.connect().await;
    let mut client = server.connect().await;
    client.text(r#"{"event":"linger"}"#).await;
    assert_eq!(client.next_text().await, r#"{"event":"lingering","data":null}"#);
    for _ in 0..5 {
        client.text(r#"{"event":"tell","data":1}"#).await;
    }
    client.send(Frame::close(1000, "")).await;
    for _ in 0..5 {
        assert_eq!(witness.next_text().await, r#"{"event":"told","data":"x"}"#);
    }
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Client(_))));
}

/// The client's network has changed: its end of the old connection is gone, the server's is open.
#[tokio::test]
async fn who_comes_back_while_the_old_connection_is_open_takes_its_session() {
    let mut server = Probe::with(|server| server.recovery(Recovery::default())).await;
    let mut old = Raw::connect(server.address, "/probe?resume").await;
    let session = |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["session"].take();
    let first = session(old.next_text().await);
    old.text(r#"{"event":"tell","data":1}"#).await;
    assert!(old.next_text().await.starts_with(r#"{"event":"told","data":"x","offset":"#));

    let path = format!("/probe?resume={}&offset=0", first["resume"].as_str().expect("a token"));
    let mut new = Raw::connect(server.address, &path).await;
    for event in ["told", "tell"] {
        assert!(new.next_text().await.starts_with(&format!(r#"{{"event":"{event}","#)));
    }
    let again = session(new.next_text().await);
    assert_eq!((&again["resumed"], &again["id"]), (&true.into(), &first["id"]));
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Resumed)));
    assert_eq!(old.close_code().await, Some(4503));
    assert_eq!(server.running.handle().of("/probe").unwrap().count(), 1);
}

#[tokio::test]
async fn a_silent_client_is_asked_for_a_sign_of_life_and_closed_without_one() {
    let limits = Limits::new().ping_interval(Duration::from_millis(100)).ping_timeout(Duration::from_millis(100));
    let mut server = Probe::with(|server| server.limits(limits)).await;
    let mut client = server.connect().await;
    for _ in 0..3 {
        let Received::Ping(payload) = client.next().await else { panic!("a ping was expected") };
        client.send(Frame::new(Frame::PONG, payload)).await;
    }
    assert!(matches!(client.next().await, Received::Ping(_)));
    assert_eq!(client.next().await, Received::Close(Some(4001), "heartbeat timeout".into()));
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::HeartbeatTimeout)));
}

#[tokio::test]
async fn a_handler_that_panics_disturbs_nobody() {
    let server = Probe::start().await;
    let mut witness = server.connect().await;
    let mut client = server.connect().await;
    client.text(r#"{"event":"panic","id":1}"#).await;
    assert!(client.next_text().await.starts_with(r#"{"event":"exception""#));
    for client in [&mut client, &mut witness] {
        client.text(r#"{"event":"echo","data":1}"#).await;
        assert_eq!(client.next_text().await, r#"{"event":"echo","data":1}"#);
    }
}

/// By polls of a connection each, as behind some proxies: the answer that was under way, and then the goodbye.
#[tokio::test]
async fn a_client_that_polls_by_connections_of_its_own_is_told_of_the_stop_and_delays_it_not() {
    let server = Probe::start().await;
    let ask = async |method: &str, id: &str, body: &str| {
        let path = format!("/socket.io/?EIO=4&transport=polling{id}");
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}");
        Raw::dial(server.address).await.ask(&format!("{head}\r\n\r\n{body}")).await
    };
    let opened = ask("GET", "", "").await.body;
    let id = format!("&sid={}", opened.split('"').nth(3).expect("an id"));
    assert_eq!(ask("POST", &id, "40/probe,").await.body, "ok");
    assert!(ask("GET", &id, "").await.body.starts_with("40/probe,"));
    assert_eq!(ask("POST", &id, r#"42/probe,["linger"]"#).await.body, "ok");
    assert!(ask("GET", &id, "").await.body.contains("lingering"));

    let began = Instant::now();
    server.running.handle().shutdown();
    // 503 is the goodbye of a server that stops: after a close packet some clients would not come back.
    let mut answers = 0;
    loop {
        let response = ask("GET", &id, "").await;
        answers += 1;
        match response.status {
            200 => assert!(answers < 5, "{response:?}"),
            503 => break assert!(response.body.contains("the server stops"), "{response:?}"),
            other => panic!("{other}: {response:?}"),
        }
    }
    server.running.stop().await;
    println!("told by answer {answers}, stopped after {:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_takes_nobody_new() {
    let limits = Limits::new().drain_timeout(Duration::from_millis(100));
    let mut server = Probe::with(|server| server.limits(limits)).await;
    let mut idle = server.connect().await;
    let mut busy = server.connect().await;
    busy.text(r#"{"event":"linger"}"#).await;
    assert_eq!(busy.next_text().await, r#"{"event":"lingering","data":null}"#);

    let stopped = tokio::spawn(server.running.stop());
    assert_eq!(idle.close_code().await, Some(1001));
    assert_eq!(busy.close_code().await, Some(1001));
    stopped.await.expect("it stops");

    for _ in 0..2 {
        assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Shutdown)));
    }
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}
