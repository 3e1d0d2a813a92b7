//! Servers that break the rules, or say nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use gateway_client::{Bounds, Client, ConnectError, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::memory::{Network, hostile};

/// Accepts the upgrade.
#[allow(clippy::result_large_err, reason = "the signature is the library's")]
async fn upgraded(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    let select = |_: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        response.headers_mut().insert("sec-websocket-protocol", "gateway.v1".parse().unwrap());
        Ok(response)
    };
    tokio_tungstenite::accept_hdr_async(stream, select).await.unwrap()
}

/// Accepts the upgrade and the client.
async fn accepted(stream: DuplexStream) -> WebSocketStream<DuplexStream> {
    let mut socket = upgraded(stream).await;
    socket.send(Message::text(r#"{"session":{"id":"a","resume":"t","resumed":false}}"#)).await.unwrap();
    socket
}

/// Answers the upgrade request with these bytes, and then says nothing.
fn answering(answer: &'static [u8]) -> Network {
    hostile(async move |mut stream: DuplexStream| {
        let mut request = [0; 2048];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer).await;
        sleep(Duration::from_hours(1)).await;
    })
}

/// Writes these bytes after the client was accepted.
fn writing(bytes: &'static [u8]) -> Network {
    hostile(async move |stream: DuplexStream| {
        let mut socket = accepted(stream).await;
        let _ = socket.get_mut().write_all(bytes).await;
        sleep(Duration::from_hours(1)).await;
    })
}

/// The first state of a client that is neither connecting nor open.
async fn ended(client: &Client) -> Status {
    client.try_emit("hello", &()).unwrap();
    let settled = |status: &Status| matches!(status, Status::Waiting(_) | Status::Closed(_));
    client.watch().wait_for(settled).await.unwrap().clone()
}

async fn failure(network: &Network) -> ConnectError {
    match ended(&network.client("/").build().unwrap()).await {
        Status::Waiting(waiting) => waiting.error.unwrap(),
        status => panic!("{status:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_nothing_is_given_up() {
    let start = Instant::now();
    for network in [answering(b""), hostile(async |stream| drop((upgraded(stream).await, sleep(Duration::MAX).await)))]
    {
        let error = failure(&network).await;
        assert!(matches!(error, ConnectError::Timeout(patience) if patience.as_secs() == 20), "{error}");
    }
    assert_eq!(start.elapsed().as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_http_is_a_violation() {
    for answer in [&b"\0\0\0\0\r\n\r\n"[..], b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"HTTP/2.0 200 OK\r\n\r\n"] {
        let error = failure(&answering(answer)).await;
        assert!(matches!(error, ConnectError::Violation(_)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endless_answer_is_not_read_to_its_end() {
    for endless in [&b"a: b\r\n"[..], &[b'x'; 6]] {
        let network = hostile(async move |mut stream: DuplexStream| {
            let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\n").await;
            for written in 0_usize.. {
                assert!(written < 1 << 20, "it reads on");
                if stream.write_all(endless).await.is_err() {
                    return;
                }
            }
        });
        let error = failure(&network).await;
        assert!(matches!(error, ConnectError::Violation(_)), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_decides_about_the_next_attempt() {
    for (answer, is_final, pause) in [
        (&b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 30\r\n\r\nlater"[..], false, 30),
        (b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 99999999999\r\n\r\n", false, 999_999),
        (b"HTTP/1.1 502 Bad Gateway\r\nretry-after: tomorrow\r\n\r\n", false, 0),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\n\r\n", false, 0),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", true, 0),
        (b"HTTP/1.1 403 Forbidden\r\n\r\nno", true, 0),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", true, 0),
    ] {
        let status = ended(&answering(answer).client("/").build().unwrap()).await;
        match (status, is_final) {
            (Status::Waiting(waiting), false) => {
                let wait = waiting.retry_at - Instant::now();
                assert!((pause..=pause + 1).contains(&wait.as_secs()), "{wait:?}");
                assert!(matches!(waiting.error, Some(ConnectError::Refused(_))));
            }
            (Status::Closed(closed), true) => assert!(matches!(closed.error, Some(ConnectError::Refused(_)))),
            (status, _) => panic!("{}: {status:?}", String::from_utf8_lossy(answer)),
        }
    }
    let client = answering(b"HTTP/1.1 401 Unauthorized\r\n\r\n").client("/");
    let client = client.auth_with(|| async { Ok::<_, std::io::Error>(1) }).build().unwrap();
    assert!(matches!(ended(&client).await, Status::Waiting(_)));
}

#[tokio::test(start_paused = true)]
async fn messages_that_cannot_be_read_are_reported_and_skipped() {
    let network = hostile(async |stream| {
        let mut socket = accepted(stream).await;
        for text in ["", "garbage", "[]", "null", "7", r#"{"event":1}"#, r#"{"event":"a""#, r#"{"session":7}"#] {
            socket.send(Message::text(text)).await.unwrap();
        }
        socket.send(Message::binary(vec![0xFF, 0xFE])).await.unwrap();
        // Unknown kinds, ids of nobody, and unknown members.
        for text in ["{}", r#"{"new":1}"#, r#"{"event":"a","id":99}"#, r#"{"event":"a","id":"x"}"#, r#"{"id":1.5}"#] {
            socket.send(Message::text(text)).await.unwrap();
        }
        socket.send(Message::binary(br#"{"event":"fine","data":1,"new":2}"#.to_vec())).await.unwrap();
        sleep(Duration::from_hours(1)).await;
    });
    let reported = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&reported);
    let count = move |_: &str| {
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let client = network.client("/").on_malformed(count).build().unwrap();
    let mut fine = client.on::<u32>("fine");
    client.ready().await.unwrap();
    assert_eq!(fine.next().await.unwrap().unwrap(), 1);
    assert_eq!(reported.load(Ordering::Relaxed), 9);
}

#[tokio::test(start_paused = true)]
async fn violations_of_the_framing_end_the_connection() {
    let cases: [(&[u8], &str); 5] = [
        (&[0xF1, 0x00], "reserved bits"),
        (&[0x83, 0x00], "unknown opcode"),
        (&[0x81, 0x02, 0xC3, 0x28], "invalid utf-8"),
        (&[0x80, 0x01, b'x'], "a continuation of nothing"),
        (&[0x09, 0x00], "a ping in fragments"),
    ];
    for (bytes, case) in cases {
        let error = failure(&writing(bytes)).await;
        assert!(matches!(error, ConnectError::Violation(_)), "{case}: {error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_beyond_the_bound_closes_the_client_before_it_is_read() {
    // The length is that of 2^40 bytes, of which none follows.
    let network = writing(&[0x81, 0x7F, 0, 0, 1, 0, 0, 0, 0, 0]);
    let status = ended(&network.client("/").build().unwrap()).await;
    assert!(matches!(&status, Status::Closed(closed) if closed.code == 1009), "{status:?}");

    let network = hostile(async |stream| {
        let mut socket = accepted(stream).await;
        let _ = socket.send(Message::text("x".repeat(1001))).await;
        sleep(Duration::from_hours(1)).await;
    });
    let bounds = Bounds { message: 1000, ..Bounds::default() };
    let status = ended(&network.client("/").bounds(bounds).build().unwrap()).await;
    let Status::Closed(closed) = status else { panic!("{status:?}") };
    assert!(matches!(closed.error, Some(ConnectError::TooBig(1000))), "{closed}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_ends_inside_a_frame_is_lost() {
    let network = hostile(async |stream| {
        let mut socket = accepted(stream).await;
        let _ = socket.get_mut().write_all(&[0x81, 0x7E, 0x01]).await;
    });
    let error = failure(&network).await;
    assert!(matches!(error, ConnectError::Io(_)), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_is_pinged_and_then_given_up() {
    let pings = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&pings);
    let network = hostile(move |stream| {
        let pings = Arc::clone(&counted);
        async move {
            let mut socket = accepted(stream).await;
            // Reading would answer the pings.
            let mut bytes = [0; 1024];
            while let Ok(read @ 1..) = socket.get_mut().read(&mut bytes).await {
                let pinged = bytes[..read].contains(&0x89);
                pings.fetch_add(usize::from(pinged), Ordering::Relaxed);
            }
        }
    });
    let start = Instant::now();
    let error = failure(&network).await;
    assert!(matches!(error, ConnectError::Silence), "{error:?}");
    assert_eq!(pings.load(Ordering::Relaxed), 1);
    // The frame of the session counts once.
    assert_eq!(start.elapsed().as_secs(), 25 + 25 + 20);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_server_that_answers_pings_is_kept() {
    let network = hostile(async |stream| {
        let mut socket = accepted(stream).await;
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
    });
    let client = network.client("/").connect().await.unwrap();
    sleep(Duration::from_hours(1)).await;
    assert!(matches!(client.status(), Status::Open(_)));
}

#[tokio::test(start_paused = true)]
async fn questions_without_end_are_not_read_without_end() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let network = hostile(move |stream| {
        let asked = Arc::clone(&counted);
        async move {
            // It asks and never reads.
            let mut socket = accepted(stream).await;
            loop {
                if socket.send(Message::text(r#"{"event":"who?","ask":1}"#)).await.is_err() {
                    return;
                }
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let client = network.client("/").connect().await.unwrap();
    client.answer("who?", |(): ()| async { Ok("x".repeat(1000)) });
    sleep(Duration::from_secs(20)).await;
    let asked = asked.load(Ordering::Relaxed);
    assert!(asked < 3000, "{asked} questions were read");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_the_close_frame_is_left_after_a_while() {
    let network = hostile(async |stream| {
        let _socket = accepted(stream).await;
        sleep(Duration::from_hours(1)).await;
    });
    let client = network.client("/").connect().await.unwrap();
    let start = Instant::now();
    assert_eq!(client.close().await.code, 1000);
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_nothing_does_not_hold_a_close_up() {
    let network = hostile(async |stream| {
        let _socket = accepted(stream).await;
        sleep(Duration::from_hours(1)).await;
    });
    let client = network.client("/").connect().await.unwrap();
    for _ in 0..100 {
        client.emit("much", &"x".repeat(5000)).await.unwrap();
    }
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    client.close().await;
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn what_waits_after_the_servers_close_frame_is_for_the_next_connection() {
    let connections = Arc::new(AtomicUsize::new(0));
    let network = hostile(move |stream| {
        let is_first = connections.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            let mut socket = accepted(stream).await;
            if is_first {
                // It never ends TCP.
                let frame = CloseFrame { code: 4000.into(), reason: "too slow".into() };
                socket.send(Message::Close(Some(frame))).await.unwrap();
                sleep(Duration::from_hours(1)).await;
            }
            while let Some(Ok(message)) = socket.next().await {
                let heard = format!(r#"{{"event":"heard","data":{message}}}"#);
                socket.send(Message::text(heard)).await.unwrap();
            }
        }
    });
    let client = network.client("/").connect().await.unwrap();
    let mut heard = client.on::<serde_json::Value>("heard");
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(client.status(), Status::Open(_)), "the server may still end TCP");
    client.emit("late", &1).await.unwrap();
    assert_eq!(heard.next().await.unwrap().unwrap()["event"], "late");
}
