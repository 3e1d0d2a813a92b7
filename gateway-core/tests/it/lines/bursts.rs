//! More than a slow client may have waiting, sent in one turn to clients of lines that read.

use std::time::Duration;

use gateway_core::metrics::Counter;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::time::{sleep, timeout};

use super::{Wire, start};

#[tokio::test(start_paused = true)]
async fn a_burst_reaches_its_client_and_everybody() {
    let (server, _) = start(|server| server).await;
    let mut one = Wire::enter(&server, "a").await;
    let mut other = Wire::enter(&server, "a").await;
    for (count, bytes) in [(1500, 8), (510, 3000), (100, 15_000)] {
        one.write(&format!("{{\"event\":\"burst\",\"data\":[{count},{bytes}],\"id\":1}}\n")).await;
        for event in ["own", "all"] {
            for number in 0..count {
                let line = one.line().await;
                assert!(line.starts_with(&format!("{{\"event\":\"{event}\"")), "{number}: {}", &line[..30]);
            }
        }
        assert_eq!(one.json().await, json!({"event": "burst", "data": 0, "id": 1}));
        for number in 0..count {
            assert!(other.line().await.starts_with("{\"event\":\"all\""), "{number}");
        }
    }
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

/// Handlers that return at once: reading stops while their answers wait, and goes on when they are read.
#[tokio::test(start_paused = true)]
async fn answers_that_are_read_a_second_later_are_all_there() {
    let request = format!("{{\"event\":\"echo\",\"data\":\"{}\",\"id\":1}}", "x".repeat(50_000));
    for (framing, first, message) in [
        ("lines", "{\"connect\":\"/room/a\"}\n".as_bytes().to_vec(), format!("{request}\n").into_bytes()),
        ("packed", packed(b"\x81\xa7connect\xa7/room/a"), packed(&packed_request())),
    ] {
        let (server, _) = start(|server| server).await;
        let (mut reads, mut writes) = split(server.tcp());
        let answer = message.len();
        let sending = tokio::spawn(async move {
            writes.write_all(&first).await.unwrap();
            for _ in 0..200 {
                writes.write_all(&message).await.unwrap();
            }
            writes
        });
        sleep(Duration::from_secs(1)).await;
        assert!(server.count(Counter::Events) < 100, "{framing}: reading has stopped");
        let mut left = 200 * answer;
        let mut buffer = vec![0; 64 * 1024];
        while left > 0 {
            let read = timeout(Duration::from_secs(20), reads.read(&mut buffer)).await.expect("more").unwrap();
            assert_ne!(read, 0, "{framing}: {left} bytes are missing");
            left = left.saturating_sub(read);
        }
        drop(sending.await.unwrap());
        assert_eq!(server.count(Counter::SlowDisconnects), 0, "{framing}");
    }
}

fn packed(message: &[u8]) -> Vec<u8> {
    [&u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
}

/// `echo` with a text of 50 000 bytes and an id.
fn packed_request() -> Vec<u8> {
    let text = "x".repeat(50_000).into_bytes();
    [&b"\x83\xa5event\xa4echo\xa4data\xda\xc3\x50"[..], &text, b"\xa2id\x01"].concat()
}
