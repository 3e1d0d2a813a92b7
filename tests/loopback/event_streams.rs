//! Server-sent events over real connections: the bytes of a stream, and clients that keep to no rule.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{HandshakeRejection, Recovery, ServerSentEvents};
use http::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::refusals::{Framing, expect_a_word, refused, write_then_read};
use crate::server::Probe;

const LISTEN: &str = "GET /probe HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";

/// A connection with what it has read and not yet used.
struct Connection {
    stream: TcpStream,
    read: String,
}

impl Connection {
    async fn open(address: SocketAddr, request: &str) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("the server listens");
        stream.write_all(request.as_bytes()).await.expect("the server reads");
        Self { stream, read: String::new() }
    }

    /// Reads up to the end of this text, and returns it with what came before.
    async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.read.find(end) {
                let rest = self.read.split_off(at + end.len());
                return std::mem::replace(&mut self.read, rest);
            }
            let mut bytes = [0; 4096];
            let count = self.stream.read(&mut bytes).await.expect("the server writes");
            assert_ne!(count, 0, "the connection ended before {end:?}: {}", self.read);
            self.read.push_str(std::str::from_utf8(&bytes[..count]).expect("UTF-8"));
        }
    }

    /// Reads to the end of the connection.
    async fn rest(mut self) -> String {
        let mut bytes = Vec::new();
        // A reset is an end as well.
        let _ = self.stream.read_to_end(&mut bytes).await;
        self.read + std::str::from_utf8(&bytes).expect("UTF-8")
    }

    /// Reads the head and the first event, and returns the stream's id.
    async fn stream_id(&mut self) -> String {
        self.until("data: {\"stream\":\"").await;
        self.until("\"").await.trim_end_matches('"').to_owned()
    }
}

async fn start() -> Probe {
    Probe::with(|server| server.server_sent_events(ServerSentEvents::new())).await
}

async fn post(address: SocketAddr, stream: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "POST /probe HTTP/1.1\r\nHost: localhost\r\nGateway-Stream: {stream}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    Connection::open(address, &request).await.rest().await
}

#[tokio::test]
async fn a_stream_is_events_without_chunks_until_the_connection_ends() {
    let server = start().await;
    let mut client = Connection::open(server.address, LISTEN).await;
    let head = client.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    for line in [
        "Content-Type: text/event-stream",
        "Cache-Control: no-cache",
        "X-Accel-Buffering: no",
        "Connection: close",
        "Date: ",
    ] {
        assert!(head.contains(&format!("\r\n{line}")), "{line} in {head}");
    }
    assert!(!head.to_lowercase().contains("transfer-encoding"), "{head}");
    assert_eq!(client.until("\n\n").await, ":\nretry: 3000\n\n");
    let id = client.stream_id().await;
    assert_eq!(client.until("\n\n").await, "}\n\n");
    let answer = post(server.address, &id, r#"{"event":"tell","data":3,"id":1}"#).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"event\":\"tell\",\"data\":1,\"id\":1}"), "{answer}");
    assert_eq!(client.until("\n\n").await, "event: told\ndata: \"xxx\"\n\n");
}

#[tokio::test]
async fn a_second_request_of_a_connection_may_listen_and_its_body_has_chunks() {
    let server = start().await;
    let first = "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut client = Connection::open(server.address, &format!("{first}{LISTEN}")).await;
    assert!(client.until("HTTP/1.1 200 OK\r\n").await.starts_with("HTTP/1.1 404 Not Found\r\n"));
    let head = client.until("\r\n\r\n").await.to_lowercase();
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
    let id = client.stream_id().await;
    post(server.address, &id, r#"{"event":"tell","data":3,"id":1}"#).await;
    client.until("event: told\ndata: \"xxx\"\n\n\r\n").await;
    server.running.stop().await;
    let rest = client.rest().await;
    assert!(rest.contains("event: gateway:close\ndata: {\"code\":1001,"), "{rest}");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
}

#[tokio::test]
async fn a_client_of_http_1_0_reads_the_same() {
    let server = start().await;
    let request = "GET /probe HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n";
    let mut client = Connection::open(server.address, request).await;
    let id = client.stream_id().await;
    post(server.address, &id, r#"{"event":"tell","data":1,"id":1}"#).await;
    client.until("event: told\ndata: \"x\"\n\n").await;
}

#[tokio::test]
async fn a_client_that_ends_its_side_or_resets_is_gone_at_once() {
    let mut server = start().await;
    for second in [false, true] {
        let mut client = Connection::open(server.address, LISTEN).await;
        client.stream_id().await;
        let started = Instant::now();
        if second {
            client.stream.set_zero_linger().unwrap();
            drop(client);
        } else {
            client.stream.shutdown().await.unwrap();
        }
        assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Lost)));
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn what_a_listening_client_sends_is_dropped() {
    let server = start().await;
    let mut client = Connection::open(server.address, LISTEN).await;
    let id = client.stream_id().await;
    for _ in 0..64 {
        client.stream.write_all(&vec![b'x'; 64 * 1024]).await.unwrap();
    }
    post(server.address, &id, r#"{"event":"tell","data":1,"id":1}"#).await;
    client.until("event: told\ndata: \"x\"\n\n").await;
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_and_others_are_not_held_up() {
    let mut server = Probe::with(|server| {
        server
            .server_sent_events(ServerSentEvents::new())
            .limits(Limits::new().outbox_bytes(256 * 1024).outbox_frames(64))
    })
    .await;
    let mut slow = Connection::open(server.address, LISTEN).await;
    slow.stream_id().await;
    let mut reader = Connection::open(server.address, LISTEN).await;
    let id = reader.stream_id().await;
    let ended = loop {
        post(server.address, &id, r#"{"event":"tell","data":1000000,"id":1}"#).await;
        reader.until("event: told\n").await;
        reader.until("\n\n").await;
        if let Ok(ended) = server.ends.try_recv() {
            break ended;
        }
    };
    assert!(matches!(ended, DisconnectReason::TooSlow), "{ended}");
    post(server.address, &id, r#"{"event":"tell","data":1,"id":1}"#).await;
    reader.until("event: told\ndata: \"x\"\n\n").await;
}

#[tokio::test]
async fn a_heartbeat_is_a_comment() {
    let events = ServerSentEvents::new().heartbeat(Duration::from_millis(20));
    let server = Probe::with(|server| server.server_sent_events(events)).await;
    let mut client = Connection::open(server.address, LISTEN).await;
    client.stream_id().await;
    assert_eq!(client.until("\n\n").await, "}\n\n");
    for _ in 0..5 {
        assert_eq!(client.until("\n\n").await, ":\n\n");
    }
}

#[tokio::test]
async fn requests_that_stop_or_break_leave_nothing_behind() {
    let mut server = start().await;
    // Each prefix of a request, then the end of the connection.
    for length in 0..LISTEN.len() {
        drop(Connection::open(server.address, &LISTEN[..length]).await);
    }
    let mut client = Connection::open(server.address, LISTEN).await;
    let id = client.stream_id().await;
    let body = r#"{"event":"tell","data":1,"id":1}"#;
    for length in 0..body.len() {
        let request = format!(
            "POST /probe HTTP/1.1\r\nHost: localhost\r\nGateway-Stream: {id}\r\nContent-Length: {}\r\n\r\n{}",
            body.len(),
            &body[..length]
        );
        drop(Connection::open(server.address, &request).await);
    }
    // Those whose bodies were cut reached nobody.
    post(server.address, &id, r#"{"event":"tell","data":2,"id":2}"#).await;
    assert_eq!(client.until("\n\n").await, "}\n\n");
    assert_eq!(client.until("\n\n").await, "event: told\ndata: \"xx\"\n\n");
    drop(client);
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Lost)));
    assert!(server.ends.try_recv().is_err());
}

#[tokio::test]
async fn a_server_that_stops_ends_its_streams_and_then_itself() {
    let server = start().await;
    let mut client = Connection::open(server.address, LISTEN).await;
    client.stream_id().await;
    let stopping = tokio::spawn(async move { server.running.stop().await });
    let rest = client.rest().await;
    assert!(
        rest.ends_with("event: gateway:close\ndata: {\"code\":1001,\"reason\":\"going away\",\"reconnect\":true}\n\n"),
        "{rest}"
    );
    stopping.await.unwrap();
}

/// A stream's POSTs, and a GET that is not let in: whoever writes all of a body before it reads gets the refusal.
#[tokio::test]
async fn a_request_that_is_refused_is_read_to_its_end() {
    let server = Probe::with(|server| {
        let events = ServerSentEvents::new().single_requests(true);
        let limits = Limits::new().message_bytes(500);
        server.server_sent_events(events).limits(limits).allow_request(|handshake: Handshake| async move {
            match handshake.header("x-refused") {
                Some("401") => Err(HandshakeRejection::new(StatusCode::UNAUTHORIZED, "who are you")),
                Some("403") => Err(HandshakeRejection::new(StatusCode::FORBIDDEN, "not you")),
                _ => Ok(()),
            }
        })
    })
    .await;
    let mut client = Connection::open(server.address, LISTEN).await;
    let own = format!("Gateway-Stream: {}\r\n", client.stream_id().await);
    let accepts = "Accept: text/event-stream\r\n";
    let refusals = [
        refused(403, "POST /probe", "Origin: http://evil.example\r\n"),
        refused(404, "POST /probe", "Gateway-Stream: gone\r\n"),
        refused(404, "POST /nowhere", ""),
        refused(413, "POST /probe", own),
        refused(413, "POST /probe", "Content-Type: application/json\r\n"),
        refused(415, "POST /probe", "Content-Type: text/plain\r\n"),
        refused(401, "GET /probe", format!("{accepts}X-Refused: 401\r\n")),
        refused(403, "GET /probe", format!("{accepts}X-Refused: 403\r\n")),
        refused(403, "GET /probe", format!("{accepts}Origin: http://evil.example\r\n")),
        refused(404, "GET /nowhere", accepts),
    ];
    for refused in &refusals {
        for framing in [Framing::Length, Framing::Chunked] {
            for length in [1000, 100_000, 1_000_000] {
                let stream = TcpStream::connect(server.address).await.expect("a connection");
                write_then_read(stream, refused, framing, length).await;
            }
        }
        for waits in [true, false] {
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            expect_a_word(stream, refused, waits).await;
        }
    }
    // The stream lives.
    let metrics = server.running.handle().metrics().to_string();
    assert!(metrics.contains(r#"gateway_connections{namespace="/probe",transport="event_stream"} 1"#), "{metrics}");
}

#[tokio::test]
async fn one_post_too_many_and_one_without_a_stream_are_read_to_their_end() {
    let server = Probe::with(|server| server.server_sent_events(ServerSentEvents::new().posts(0))).await;
    let mut client = Connection::open(server.address, LISTEN).await;
    let own = format!("Gateway-Stream: {}\r\n", client.stream_id().await);
    for refused in [refused(429, "POST /probe", own), refused(400, "POST /probe", "")] {
        for framing in [Framing::Length, Framing::Chunked] {
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            write_then_read(stream, &refused, framing, 1_000_000).await;
        }
    }
}

#[tokio::test]
async fn a_post_that_takes_too_long_is_told_and_its_stream_lives() {
    let limits = Limits::new().assembly_timeout(Duration::from_millis(200));
    let server = Probe::with(|server| server.server_sent_events(ServerSentEvents::new()).limits(limits)).await;
    let mut client = Connection::open(server.address, LISTEN).await;
    let id = client.stream_id().await;
    let head =
        format!("POST /probe HTTP/1.1\r\nHost: localhost\r\nGateway-Stream: {id}\r\nContent-Length: 100\r\n\r\n{{");
    let mut slow = Connection::open(server.address, &head).await;
    let answer = slow.until("too_slow").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 408 ") && answer.contains("\r\nconnection: close\r\n"), "{answer}");
    // Whoever goes on to write is no reason for a reset.
    slow.stream.write_all(&[b' '; 99]).await.expect("it is read");
    slow.rest().await;
    post(server.address, &id, r#"{"event":"tell","data":1,"id":1}"#).await;
    client.until("event: told\ndata: \"x\"\n\n").await;
}

/// The client's network has changed: its end of the old stream is gone, the server's is open.
#[tokio::test]
async fn who_comes_back_while_the_old_stream_is_open_takes_its_session() {
    let mut server =
        Probe::with(|server| server.server_sent_events(ServerSentEvents::new()).recovery(Recovery::default())).await;
    let mut old = Connection::open(server.address, LISTEN).await;
    let stream = old.stream_id().await;
    let greeting = old.until("\"resumed\":false}\n\n").await;
    let id = greeting.split("id: ").nth(1).and_then(|rest| rest.lines().next()).expect("an id").to_owned();
    post(server.address, &stream, r#"{"event":"tell","data":1,"id":1}"#).await;
    let again = LISTEN.replace("\r\n\r\n", &format!("\r\nLast-Event-ID: {id}\r\n\r\n"));
    let mut new = Connection::open(server.address, &again).await;
    assert_ne!(new.stream_id().await, stream);
    new.until("event: told\ndata: \"x\"\n").await;
    new.until("\"resumed\":true}\n\n").await;
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Resumed)));
    let rest = old.rest().await;
    assert!(rest.contains("event: gateway:close\ndata: {\"code\":4503,"), "{rest}");
    assert_eq!(server.running.handle().of("/probe").unwrap().count(), 1);
}
