//! Inputs that have broken servers of this protocol before, each named by its advisory or issue.

use std::fmt::Write;
use std::time::Duration;

use gateway_core::serve::Body;
use gateway_core::socket_io::EngineIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use super::support::{Engine, Received, engine, engine_with, get, session, settle};

const KEYS: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Sends these bytes, reads until the server closes, and gives what it said.
async fn talk(engine: &Engine, bytes: &[u8]) -> Vec<u8> {
    let mut stream = engine.dial();
    stream.write_all(bytes).await.unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).await.unwrap();
    said
}

fn upgrade(query: &str) -> String {
    format!("GET /engine.io/?{query} HTTP/1.1\r\nHost: localhost\r\n{KEYS}\r\n")
}

async fn is_polled(engine: &Engine, id: &str) {
    assert_eq!(engine.post(id, "4alive").await.body, "ok");
    assert_eq!(engine.poll(id).await.body, "4alive");
}

/// engine.io CVE-2022-21676: a frame with a reserved bit while the WebSocket is being attached.
#[tokio::test(start_paused = true)]
async fn reserved_bits_during_a_handshake_or_probe_end_the_websocket_alone() {
    let engine = engine().await;
    let id = engine.open().await;
    for (query, reserved) in [
        ("EIO=4&transport=websocket".to_owned(), 0xa1),
        (format!("EIO=4&transport=websocket&sid={id}"), 0xa1),
        (format!("EIO=4&transport=websocket&sid={id}"), 0x91),
    ] {
        let mut bytes = upgrade(&query).into_bytes();
        bytes.extend_from_slice(&[reserved, 0x81, 0, 0, 0, 0, b'x']);
        let said = talk(&engine, &bytes).await;
        assert!(said.starts_with(b"HTTP/1.1 101 "));
        // The code 1002, and no text: clients of the reference look for none.
        assert!(said.ends_with(&[0x88, 2, 3, 234]), "{said:?}");
        is_polled(&engine, &id).await;
    }
}

/// engine.io CVE-2022-41940: the stream is gone when a refusal is written.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_during_a_refusal_does_no_harm() {
    let engine = engine().await;
    for query in ["EIO=4&transport=websocket&sid=abc", "EIO=3&transport=websocket", "EIO=4&transport=websocket"] {
        let mut stream = engine.dial();
        stream.write_all(upgrade(query).as_bytes()).await.unwrap();
        drop(stream);
        settle().await;
    }
    engine.open().await;
}

/// ws: `Sec-WebSocket-Extensions: constructor` (CVE-2016-10542 and after), CVE-2021-32640: a long run of spaces.
#[tokio::test(start_paused = true)]
async fn strange_offers_are_no_matter() {
    let engine = engine().await;
    let spaces = format!("a{}b", " ".repeat(1 << 20));
    let offers = [
        ("sec-websocket-extensions", "constructor"),
        ("sec-websocket-extensions", "permessage-deflate; x=\""),
        ("sec-websocket-protocol", spaces.as_str()),
    ];
    for (name, value) in offers {
        let request = get("/engine.io/?EIO=4&transport=websocket").header(name, value);
        let request = request.header("connection", "upgrade").header("upgrade", "websocket");
        let request = request.header("sec-websocket-version", "13");
        let request = request.header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let answer = engine.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.header("sec-websocket-extensions")), (101, None), "{name}");
    }
}

/// The subprotocol that is offered first is agreed on: the npm client gives up otherwise.
#[tokio::test(start_paused = true)]
async fn the_first_subprotocol_is_agreed_on() {
    let request = get("/engine.io/?EIO=4&transport=websocket").header("sec-websocket-protocol", "a, b");
    let request = request.header("connection", "upgrade").header("upgrade", "websocket");
    let request = request.header("sec-websocket-version", "13").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let answer = engine().await.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.header("sec-websocket-protocol")), (101, Some("a")));
}

/// ws CVE-2024-37890: more headers than the server takes.
#[tokio::test(start_paused = true)]
async fn thousands_of_headers_are_refused() {
    let mut request = "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\n".to_owned();
    for number in 0..2000 {
        let _ = write!(request, "x-{number}: 1\r\n");
    }
    let said = talk(&engine().await, format!("{request}{KEYS}\r\n").as_bytes()).await;
    assert!(said.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&said));
}

/// ws CVE-2026-48779 and #2331: a message of empty fragments that never ends.
#[tokio::test(start_paused = true)]
async fn endless_fragments_end_the_websocket() {
    let engine = engine().await;
    let mut bytes = upgrade("EIO=4&transport=websocket").into_bytes();
    bytes.extend_from_slice(&[0x01, 0x80, 0, 0, 0, 0]);
    for _ in 0..100_000 {
        bytes.extend_from_slice(&[0x00, 0x80, 0, 0, 0, 0]);
    }
    let said = talk(&engine, &bytes).await;
    assert!(
        said.windows(4).any(|window| window[..2] == [0x88, window[1]] && window[2..] == [3, 240]),
        "closed by 1008"
    );
}

/// engine.io CVE-2020-36048: large bodies.
#[tokio::test(start_paused = true)]
async fn a_body_has_at_most_a_million_bytes_by_default() {
    let engine = engine().await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, format!("4{}", "x".repeat(999_999))).await.body, "ok");
    assert_eq!(engine.poll(&id).await.body.len(), 1_000_000);
    assert_eq!(engine.post(&id, format!("4{}", "x".repeat(1_000_000))).await.status, 413);
}

/// python-engineio CVE-2026-48802: each pong cost a thread. socketioxide #816: one too many was a timeout.
#[tokio::test(start_paused = true)]
async fn a_flood_of_pongs_is_constant_work() {
    let engine = engine().await;
    let id = engine.open().await;
    let pongs = vec!["3"; 500_000].join("\u{1e}");
    assert_eq!(engine.post(&id, pongs).await.body, "ok");
    for _ in 0..3 {
        assert_eq!(engine.poll(&id).await.body, "2");
        assert_eq!(engine.post(&id, "3\u{1e}3\u{1e}3").await.body, "ok");
    }
    is_polled(&engine, &id).await;
}

/// engine.io-parser CVE-2020-36049: many small packets and chunks.
#[tokio::test(start_paused = true)]
async fn many_small_packets_are_linear_work() {
    let engine = engine().await;
    let id = engine.open().await;
    assert_eq!(engine.post(&id, vec!["6"; 500_000].join("\u{1e}")).await.body, "ok");
    is_polled(&engine, &id).await;
}

/// socketioxide #731 and #399: upgrades that are begun and never finished.
#[tokio::test(start_paused = true)]
async fn upgrades_that_are_never_finished_are_freed() {
    let engine = engine_with(EngineIo::new().upgrade_timeout(Duration::from_secs(1))).await;
    let id = engine.open().await;
    for _ in 0..20 {
        let mut websocket = engine.websocket(&format!("EIO=4&transport=websocket&sid={id}")).await;
        websocket.send("2probe").await;
        assert_eq!(websocket.text().await, "3probe");
        assert_eq!(websocket.next().await, Received::Close(1005));
    }
    is_polled(&engine, &id).await;
}

/// The client's connection breaks while its request waits: over a real HTTP server, not by the test's own hand.
#[tokio::test(start_paused = true)]
async fn a_connection_that_breaks_during_a_poll_or_post_ends_the_session() {
    let engine = engine().await;
    let id = engine.open().await;
    let requests = [
        format!("GET {} HTTP/1.1\r\nHost: localhost\r\n\r\n", session(&id)),
        format!("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n4a", session(&engine.open().await)),
    ];
    let other = requests[1].split("sid=").nth(1).unwrap().split(' ').next().unwrap();
    for (request, id) in requests.iter().zip([id.as_str(), other]) {
        let mut stream = engine.dial();
        stream.write_all(request.as_bytes()).await.unwrap();
        sleep(Duration::from_millis(1)).await;
        drop(stream);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(engine.poll(id).await.refusal().1, serde_json::json!(1), "{request}");
    }
}
