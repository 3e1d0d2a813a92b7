//! Clients that do not keep to the rules: rapid resets, bytes that stop, frames that are none. Each ends itself alone.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::serve::Http2;
use gateway_tests::Raw;
use h2::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::{Client, PATIENCE};
use crate::server::Probe;
use crate::sockets::ECHO;

/// RFC 9113 §3.4: the preface and empty settings.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Whoever behaves is served as before.
async fn serves(probe: &Probe) {
    let mut client = probe.dial().await;
    let mut socket = client.websocket("/probe").await;
    socket.text(ECHO).await;
    assert_eq!(socket.next_text().await, ECHO);
}

/// The end of a connection by GOAWAY (RFC 9113 §6.8): the number of its reason.
async fn goaway(stream: &mut TcpStream) -> Option<u32> {
    let mut answer = Vec::new();
    let _reset = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("the server ends it");
    let (mut rest, mut reason) = (&answer[..], None);
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        if rest[3] == 7 {
            reason = Some(u32::from_be_bytes(rest[13..17].try_into().expect("four bytes")));
        }
        rest = &rest[9 + length..];
    }
    reason
}

async fn begin(probe: &Probe) -> TcpStream {
    let mut stream = TcpStream::connect(probe.address).await.expect("the server listens");
    stream.write_all(BEGINNING).await.expect("it is sent");
    stream
}

#[tokio::test]
async fn requests_that_are_reset_too_fast_end_their_connection() {
    let (sender, mut taken) = tokio::sync::mpsc::channel(1);
    let probe = Probe::with(|server| {
        let server = server.http2(Http2::new().resets_per_second(NonZeroU32::new(20)));
        // Each request is taken and waits.
        server.allow_request(move |_| {
            let sender = sender.clone();
            async move {
                sender.send(()).await.expect("the test waits");
                std::future::pending().await
            }
        })
    })
    .await;
    let client = probe.dial().await;
    let mut opened = 0;
    loop {
        let request = client.connect_request("/probe").body(()).expect("a request");
        let Ok(mut ready) = client.sending.clone().ready().await else { break };
        let Ok((response, mut sending)) = ready.send_request(request, false) else { break };
        tokio::select! {
            _ = taken.recv() => {}
            _ = response => break,
        }
        sending.send_reset(Reason::CANCEL);
        opened += 1;
        assert!(opened < 1000, "it has an end");
    }
    assert!(opened > 20, "{opened}");
    assert!(probe.count(Counter::ResetRequests) > 20);
    assert_eq!(client.ended().await, Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(probe.count(Counter::ProtocolErrors), 1);
}

/// What a library takes no longer from the connection it counts itself.
#[tokio::test]
async fn pairs_of_request_and_reset_in_one_write_end_their_connection() {
    let probe = Probe::start().await;
    let mut stream = begin(&probe).await;
    let mut pairs = Vec::new();
    for id in (1..4000_u32).step_by(2) {
        // RFC 9113 §6.2: HEADERS with END_HEADERS and END_STREAM; §6.4: RST_STREAM with CANCEL.
        pairs.extend([0, 0, 3, 1, 5]);
        pairs.extend(id.to_be_bytes());
        pairs.extend([0x82, 0x87, 0x84]);
        pairs.extend([0, 0, 4, 3, 0]);
        pairs.extend(id.to_be_bytes());
        pairs.extend([0, 0, 0, 8]);
    }
    let _closed = stream.write_all(&pairs).await;
    assert_eq!(goaway(&mut stream).await, Some(0xB), "ENHANCE_YOUR_CALM");
    serves(&probe).await;
}

#[tokio::test]
async fn a_violation_of_the_framing_ends_its_connection_and_is_counted() {
    let probe = Probe::start().await;
    let violations: [(&[u8], u32); 4] = [
        // DATA in no stream; a window that is made larger by nothing; a frame above 16 KiB; an invalid header block, which the
        // library answers with a more general reason than RFC 9113 §4.3.
        (b"\0\0\x01\0\0\0\0\0\0x", 1),
        (b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0", 1),
        (b"\xFF\xFF\xFF\0\0\0\0\0\x01", 6),
        (b"\0\0\x01\x01\x05\0\0\0\x01\xFE", 1),
    ];
    for (count, (sent, reason)) in (1..).zip(violations) {
        let mut stream = begin(&probe).await;
        stream.write_all(sent).await.expect("it is sent");
        assert_eq!(goaway(&mut stream).await, Some(reason), "{sent:?}");
        assert_eq!(probe.count(Counter::ProtocolErrors), count, "{sent:?}");
    }
    serves(&probe).await;
}

#[tokio::test]
async fn clients_that_begin_and_go_on_slowly_are_dropped_in_time() {
    const LIMIT: Duration = Duration::from_millis(400);
    let probe = Probe::with(|server| server.limits(Limits::new().handshake_timeout(LIMIT))).await;
    let began = Instant::now();
    // Nothing; one byte; half of the preface; all of it and no request; a request byte by byte.
    let slowly = async |beginning: &[u8], rest: &[u8]| {
        let mut stream = TcpStream::connect(probe.address).await.expect("the server listens");
        stream.write_all(beginning).await.expect("it is sent");
        for byte in rest.iter().cycle() {
            if stream.write_all(&[*byte]).await.is_err() {
                return;
            }
            sleep(LIMIT / 10).await;
            assert!(began.elapsed() < PATIENCE, "each byte buys time");
        }
        assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap_or(0), 0);
    };
    let ended = async |beginning: &[u8]| {
        let mut stream = TcpStream::connect(probe.address).await.expect("the server listens");
        stream.write_all(beginning).await.expect("it is sent");
        let _reset = stream.read_to_end(&mut Vec::new()).await;
    };
    let headers = [BEGINNING, b"\0\x10\0\x01\x05\0\0\0\x01"].concat();
    timeout(PATIENCE, async {
        tokio::join!(ended(b""), ended(b"P"), ended(&BEGINNING[..12]), ended(BEGINNING), slowly(&headers, b"\x82"),)
    })
    .await
    .expect("all of them are dropped");
    assert!(began.elapsed() >= LIMIT);
    serves(&probe).await;
}

#[tokio::test]
async fn a_beginning_in_pieces_and_one_that_is_alike_are_told_apart() {
    let probe = Probe::start().await;
    let mut stream = TcpStream::connect(probe.address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket");
    for byte in &BEGINNING[..4] {
        stream.write_all(&[*byte]).await.expect("it is sent");
        sleep(Duration::from_millis(30)).await;
    }
    stream.write_all(&BEGINNING[4..]).await.expect("it is sent");
    let mut settings = [0; 9];
    timeout(PATIENCE, stream.read_exact(&mut settings)).await.expect("an answer").expect("settings");
    assert_eq!(settings[3], 4);
    // `P` and `PR` begin methods of HTTP/1.1 too.
    for method in ["POST", "PROPFIND"] {
        let mut raw = Raw::dial(probe.address).await;
        for piece in [&method[..1], &method[1..2], &method[2..], " /nobody HTTP/1.1\r\nHost: localhost\r\n\r\n"] {
            raw.write(piece.as_bytes()).await;
            sleep(Duration::from_millis(30)).await;
        }
        assert_eq!(raw.response().await.status, 404, "{method}");
    }
}

#[tokio::test]
async fn a_connection_without_streams_is_told_to_go_and_one_with_a_socket_is_not() {
    let idle = Http2::new().idle_timeout(Duration::from_millis(200));
    let probe = Probe::with(|server| server.http2(idle)).await;
    let mut busy = probe.dial().await;
    let mut socket = busy.websocket("/probe").await;
    let mut client = probe.dial().await;
    assert_eq!(client.get("/nobody").await.status, 404);
    assert_eq!(client.ended().await, None, "GOAWAY without an error");
    sleep(Duration::from_millis(600)).await;
    socket.text(ECHO).await;
    assert_eq!(socket.next_text().await, ECHO);
    assert!(!busy.is_over());
}

/// A stop does not wait for what has not begun.
#[tokio::test]
async fn a_stop_ends_connections_without_a_request() {
    let probe = Probe::start().await;
    let _silent = TcpStream::connect(probe.address).await.expect("the server listens");
    let _begun = begin(&probe).await;
    let idle: Client = probe.dial().await;
    let began = Instant::now();
    timeout(PATIENCE, probe.running.stop()).await.expect("the stop ends");
    assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
    assert_eq!(idle.ended().await, None);
}
