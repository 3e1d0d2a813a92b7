//! Memory of long-polling sessions that no client continues. In a process of its own, as memory is counted.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::Duration;

use gateway_core::http;
use gateway_core::http::StatusCode;
use gateway_core::prelude::*;
use gateway_core::serve::Body;
use gateway_core::serve::GatewayService;
use tower_service::Service;

const SESSIONS: usize = 3000;

#[gateway(namespace = "/")]
struct Gateway;

#[gateway]
impl Gateway {
    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> String {
        text
    }
}

/// Bytes of memory that are in use.
fn resident() -> usize {
    let pages: usize = fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}

/// As a browser asks.
async fn open(service: &mut GatewayService) -> StatusCode {
    let request = http::Request::builder()
        .uri("/socket.io/?EIO=4&transport=polling&t=PqR5sTu")
        .header("host", "app.example.com")
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
        )
        .header("accept", "*/*")
        .header("accept-encoding", "gzip, deflate, br, zstd")
        .header("accept-language", "en-US,en;q=0.9")
        .header("referer", "https://app.example.com/")
        .body(Body::empty())
        .unwrap();
    service.call(request).await.unwrap().status()
}

#[tokio::test(start_paused = true)]
async fn a_session_that_nobody_claims_costs_little_and_is_freed() {
    let (mut service, handle) = Server::empty().gateway::<Gateway>().into_service().await.unwrap();
    // What is made once is not counted.
    for _ in 0..100 {
        assert_eq!(open(&mut service).await, StatusCode::OK);
    }
    let before = resident();
    for _ in 0..SESSIONS {
        assert_eq!(open(&mut service).await, StatusCode::OK);
    }
    let each = resident().saturating_sub(before) / SESSIONS;
    println!("{each} bytes each");
    assert!(each <= 4096, "{each} bytes each");
    // All are let go of in bounded time, and a stop then has nobody to wait for.
    tokio::time::sleep(Duration::from_mins(1)).await;
    let stopping = tokio::time::Instant::now();
    handle.shutdown();
    handle.stopped().await;
    assert_eq!(stopping.elapsed(), Duration::ZERO);
}
