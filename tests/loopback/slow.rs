//! A client that never reads costs a bounded amount of memory and nobody's time.

use gateway_core::prelude::*;
use gateway_tests::{Frame, Raw, Received};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

use crate::server::Probe;

const BYTES: usize = 64 * 1024;

/// What the kernel keeps on either side of a connection; its own choice may be more than the server's.
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
    let socket = with_small_buffers();
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
    Probe::on(socket.listen(64).expect("a listener"), |server| server).await
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

#[tokio::test]
async fn a_client_that_floods_and_never_reads_is_closed_too() {
    let mut server = server().await;
    let mut witness = server.connect().await;
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
    witness.text(r#"{"event":"echo","data":1}"#).await;
    assert_eq!(witness.next_text().await, r#"{"event":"echo","data":1}"#);
}
