//! One socket whose messages nobody reads, or who reads nothing, beside others of its connection.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::Http2;
use gateway_tests::{Frame, Raw};
use tokio::time::timeout;

use crate::client::{Client, PATIENCE, Stream};
use crate::server::Probe;
use crate::sockets::ECHO;

/// The room that the server gives one stream.
const WINDOW: usize = 64 * 1024;

/// A socket whose handler waits, so that the events behind it do.
async fn paused(client: &mut Client) -> Stream {
    let mut socket = client.websocket("/probe").await;
    socket.text(r#"{"event":"wait"}"#).await;
    assert_eq!(socket.next_text().await, r#"{"event":"waiting","data":null}"#);
    socket.into_inner()
}

/// Sends small messages, each in a frame of HTTP/2 of its own, until the window is used up. Returns how many.
async fn fill(stream: &mut Stream) -> usize {
    let message = Bytes::from(Frame::text(r#"{"event":"echo","data":1,"id":1}"#).bytes());
    for sent in 0.. {
        stream.sending.reserve_capacity(message.len());
        while stream.sending.capacity() < message.len() {
            let room = poll_fn(|context| stream.sending.poll_capacity(context));
            match timeout(Duration::from_millis(300), room).await {
                Ok(room) => assert!(matches!(room, Some(Ok(_))), "the connection ended after {sent}: {room:?}"),
                Err(_) => return sent,
            }
        }
        assert!(sent * message.len() < 3 * WINDOW + 1024 * 1024, "a window bounds it");
        stream.sending.send_data(message.clone(), false).expect("the connection lives");
    }
    unreachable!("a window is finite")
}

/// The library ends a connection whose small frames wait inside it: for fifty streams at 1.6 MB, each frame counted as 256
/// bytes. Here are 4 MB.
#[tokio::test]
async fn small_messages_that_wait_unread_hinder_no_other_socket_of_the_connection() {
    let probe = Probe::with(|server| server.http2(Http2::new().streams(50))).await;
    let mut client = probe.dial().await;
    let mut neighbour = client.websocket("/probe").await;
    let mut filled = Vec::new();
    for _ in 0..12 {
        let mut stream = paused(&mut client).await;
        let sent = fill(&mut stream).await;
        // More than the queue of events and less than what would be growth.
        assert!(sent > 1000, "{sent}");
        filled.push((stream, sent));
    }
    neighbour.text(ECHO).await;
    assert_eq!(neighbour.next_text().await, ECHO);
    // All of it is handled once the handlers go on.
    for _ in 0..filled.len() {
        probe.waiting.notify_one();
    }
    for (stream, sent) in filled {
        let mut socket = Raw::over(stream);
        for _ in 0..sent {
            assert_eq!(socket.next_text().await, r#"{"event":"echo","data":1,"id":1}"#);
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_closed_and_its_neighbours_are_not() {
    let limits = Limits::new().outbox_bytes(100_000).close_timeout(Duration::from_millis(200));
    let mut probe = Probe::with(|server| server.limits(limits)).await;
    let mut client = probe.dial().await;
    let deaf = client.websocket("/probe").await.into_inner();
    let mut sender = client.websocket("/probe").await;
    let telling = async {
        loop {
            sender.text(r#"{"event":"tell","data":20000}"#).await;
            while !sender.next_text().await.contains(r#""event":"tell""#) {}
        }
    };
    let reason = tokio::select! {
        reason = probe.end() => reason,
        () = telling => unreachable!("it goes on"),
    };
    assert_eq!(reason, DisconnectReason::TooSlow);
    assert!(timeout(PATIENCE, deaf.reset()).await.expect("an end").is_some(), "its stream is reset");
    let mut next = client.websocket("/probe").await;
    next.text(ECHO).await;
    assert_eq!(next.next_text().await, ECHO);
}

#[tokio::test]
async fn streams_beyond_the_limit_wait_at_the_client() {
    let probe = Probe::with(|server| server.http2(Http2::new().streams(2))).await;
    let mut client = probe.dial().await;
    let first = client.websocket("/probe").await;
    let mut second = client.websocket("/probe").await;
    let request = client.connect_request("/probe");
    assert!(timeout(Duration::from_millis(300), client.ask(request)).await.is_err(), "there is no room");
    drop(first);
    let mut third = client.websocket("/probe").await;
    for socket in [&mut second, &mut third] {
        socket.text(ECHO).await;
        assert_eq!(socket.next_text().await, ECHO);
    }
}

/// More than a slow client may have waiting, sent in one turn.
#[tokio::test]
async fn a_burst_reaches_every_socket_of_a_connection_that_reads() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut one = client.websocket("/probe").await;
    let mut other = client.websocket("/probe").await;
    for (count, bytes) in [(1500, 8), (510, 3000), (100, 15_000)] {
        one.text(&format!(r#"{{"event":"burst","data":[{count},{bytes}]}}"#)).await;
        let reading = async {
            for event in ["own", "all"] {
                for number in 0..count {
                    let text = one.next_text().await;
                    assert!(text.starts_with(&format!(r#"{{"event":"{event}""#)), "{number}: {}", &text[..30]);
                }
            }
            assert_eq!(one.next_text().await, r#"{"event":"burst","data":0}"#);
        };
        let beside = async {
            for number in 0..count {
                assert!(other.next_text().await.starts_with(r#"{"event":"all""#), "{number}");
            }
        };
        tokio::join!(reading, beside);
    }
    assert_eq!(probe.count(gateway_core::metrics::Counter::SlowDisconnects), 0);
}

/// Handlers that return at once: reading stops while their answers wait, and goes on when they are read.
#[tokio::test]
async fn answers_that_are_read_late_are_all_there() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut stream = client.websocket("/probe").await.into_inner();
    let request = format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "x".repeat(50_000));
    let message = Bytes::from(Frame::text(request.clone()).bytes());
    // As many as go, until the server takes no more.
    let mut sent = 0;
    let mut left = message.clone();
    while sent < 200 {
        stream.sending.reserve_capacity(left.len());
        while stream.sending.capacity() == 0 {
            let room = poll_fn(|context| stream.sending.poll_capacity(context));
            match timeout(Duration::from_millis(300), room).await {
                Ok(room) => assert!(matches!(room, Some(Ok(_))), "the connection ended after {sent}: {room:?}"),
                Err(_) => break,
            }
        }
        let fits = stream.sending.capacity().min(left.len());
        if fits == 0 {
            break;
        }
        stream.sending.send_data(left.split_to(fits), false).expect("the connection lives");
        if left.is_empty() {
            sent += 1;
            left = message.clone();
        }
    }
    assert!(sent < 200, "reading has stopped");
    let mut socket = Raw::over(stream);
    for number in 0..sent {
        assert_eq!(socket.next_text().await, request, "{number}");
    }
    assert_eq!(probe.count(gateway_core::metrics::Counter::SlowDisconnects), 0);
}
