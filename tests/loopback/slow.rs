//! A client that never reads costs a bounded amount of memory and nobody's time.

use std::time::Duration;

use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_tests::{Frame, Raw, Received};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::server::Probe;

const BYTES: usize = 64 * 1024;

/// Bytes that the kernel keeps on either side of a connection; its own choice may be more than the server's.
const KERNEL: u32 = 64 * 1024;

/// Events that wait, the outbox, what the kernel keeps, and as much again; without a bound it would never end.
const AT_MOST: usize = 2 * (64 + 16 + 4);

#[tokio::test]
async fn a_client_that_never_reads_is_closed_and_the_others_miss_nothing() {
    let mut server = server().await;
    let mut reader = server.connect().await;
    let mut slow = slow_client(&server).await;

    let mut told = 0;
    let reason = loop {
        reader.text(&format!(r#"{{"event":"tell","data":{BYTES}}}"#)).await;
        assert_eq!(reader.next_text().await.len(), BYTES + r#"{"event":"told","data":""}"#.len());
        assert!(reader.next_text().await.starts_with(r#"{"event":"tell","data":"#));
        told += 1;
        assert!(told < AT_MOST, "the server keeps everything for a client that never reads");
        if let Ok(reason) = server.ends.try_recv() {
            break reason;
        }
        tokio::task::yield_now().await;
    };

    assert!(matches!(reason, DisconnectReason::TooSlow), "{reason:?}");
    assert_eq!(slow_end(&mut slow).await, Received::Close(Some(4000), "too slow".into()));
    reader.text(r#"{"event":"tell","data":1}"#).await;
    assert_eq!(reader.next_text().await, r#"{"event":"told","data":"x"}"#);
    assert_eq!(reader.next_text().await, r#"{"event":"tell","data":1}"#);
}

async fn server() -> Probe {
    server_with(Limits::default()).await
}

async fn server_with(limits: Limits) -> Probe {
    let socket = with_small_buffers();
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    Probe::on(socket.listen(64).expect("a listener"), |server| server.limits(limits)).await
}

async fn slow_client(server: &Probe) -> Raw {
    let mut client = Raw::over(with_small_buffers().connect(server.address).await.expect("a connection"));
    client.upgrade("/probe").await;
    client
}

fn with_small_buffers() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(KERNEL).expect("a small window");
    socket.set_send_buffer_size(KERNEL).expect("a small buffer");
    socket
}

/// Reads at last what was kept for it, up to the close frame.
async fn slow_end(slow: &mut Raw) -> Received {
    loop {
        match slow.next().await {
            Received::Text(_) => {}
            end => return end,
        }
    }
}

/// It is read no more once its answers wait, so it is its own silence that ends it.
#[tokio::test]
async fn a_client_that_floods_and_never_reads_is_closed_too() {
    let (ping_interval, ping_timeout) = (Duration::from_millis(400), Duration::from_millis(200));
    let mut server = server_with(Limits::new().ping_interval(ping_interval).ping_timeout(ping_timeout)).await;
    let mut flood = slow_client(&server).await.into_inner();

    let frame = Frame::text(format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "x".repeat(BYTES))).bytes();
    let mut taken = 0;
    let reason = loop {
        tokio::select! {
            biased;
            reason = server.ends.recv() => break reason,
            written = flood.write_all(&frame) => written.expect("the server tells before it lets go"),
        }
        taken += 1;
        assert!(taken < AT_MOST, "the server keeps everything for a client that never reads");
    };

    assert!(matches!(reason, Some(DisconnectReason::TooSlow)), "{reason:?}");
    let mut witness = server.connect().await;
    witness.text(r#"{"event":"echo","data":1}"#).await;
    assert_eq!(witness.next_text().await, r#"{"event":"echo","data":1}"#);
}

#[tokio::test]
async fn a_burst_reaches_its_client_and_everybody() {
    let server = Probe::start().await;
    let (mut one, mut other) = (server.connect().await, server.connect().await);
    exchange_bursts(&mut one, &mut other).await;
}

/// One of them has bursts sent that are more than a slow client may have waiting; both read all.
pub(crate) async fn exchange_bursts<S: AsyncRead + AsyncWrite + Unpin>(one: &mut Raw<S>, other: &mut Raw<S>) {
    for (count, bytes) in [(1500, 8), (510, 3000), (100, 15_000)] {
        one.text(&format!(r#"{{"event":"burst","data":[{count},{bytes}]}}"#)).await;
        for event in ["own", "all"] {
            for number in 0..count {
                let text = one.next_text().await;
                assert!(text.starts_with(&format!(r#"{{"event":"{event}""#)), "{number}: {}", &text[..30]);
            }
        }
        assert_eq!(one.next_text().await, r#"{"event":"burst","data":0}"#);
        for number in 0..count {
            assert!(other.next_text().await.starts_with(r#"{"event":"all""#), "{number}");
        }
    }
}
