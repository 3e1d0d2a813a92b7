//! Ends of streams, by either side and in every way, and of connections.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{Drain, Recovery};
use gateway_tests::{Frame, Raw, Received};
use h2::Reason;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::client::{PATIENCE, Stream};
use crate::server::Probe;
use crate::sockets::ECHO;

/// A reset behind the close frame would make browsers lose the frame: nothing comes until the client has closed too.
#[tokio::test]
async fn a_close_of_the_server_ends_the_stream_once_the_client_has_answered() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut socket = client.websocket("/probe").await;
    socket.text(r#"{"event":"close"}"#).await;
    assert_eq!(socket.next().await, Received::Close(Some(4321), "told to".to_owned()));
    assert!(timeout(Duration::from_millis(300), socket.next()).await.is_err(), "the server waits for the client");
    socket.send(Frame::close(4321, "told to")).await;
    let mut stream = socket.into_inner();
    assert!(is_over(&mut stream).await, "the server has ended its half without a reset");
    assert!(matches!(probe.end().await, DisconnectReason::Server(close) if close.code.as_u16() == 4321));
    stream.shutdown().await.expect("the other half");
    assert_eq!(stream.reset().await, None);
}

#[tokio::test]
async fn a_close_of_the_client_is_answered_and_the_end_follows() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut socket = client.websocket("/probe").await;
    socket.send(Frame::close(4001, "bye")).await;
    assert_eq!(socket.next().await, Received::Close(Some(4001), "bye".to_owned()));
    let mut stream = socket.into_inner();
    assert!(is_over(&mut stream).await, "the server has ended its half without a reset");
    assert!(matches!(probe.end().await, DisconnectReason::Client(Some(close)) if close.code.as_u16() == 4001));
}

async fn is_over(stream: &mut Stream) -> bool {
    let next = timeout(PATIENCE, stream.receiving.data()).await.expect("an end");
    match next {
        None => true,
        Some(Ok(bytes)) => bytes.is_empty() && stream.receiving.is_end_stream(),
        Some(Err(error)) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_client_that_never_answers_a_close_is_reset_in_time() {
    let limits = Limits::new().close_timeout(Duration::from_millis(200));
    let mut probe = Probe::with(|server| server.limits(limits)).await;
    let mut client = probe.dial().await;
    let mut socket = client.websocket("/probe").await;
    socket.text(r#"{"event":"close"}"#).await;
    assert!(matches!(socket.next().await, Received::Close(Some(4321), _)));
    assert_eq!(socket.into_inner().reset().await, Some(Reason::CANCEL));
    assert!(matches!(probe.end().await, DisconnectReason::Server(_)));
}

#[tokio::test]
async fn streams_that_end_without_a_close_are_lost_sockets() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut neighbour = client.websocket("/probe").await;
    // The end of its half, and resets for any reason (RFC 8441 §5: as a reset of TCP).
    let mut stream = greeted(client.websocket("/probe").await).await;
    stream.shutdown().await.expect("it is sent");
    assert_eq!(probe.end().await, DisconnectReason::Lost);
    assert_eq!(stream.reset().await, None);
    for reason in [Reason::CANCEL, Reason::NO_ERROR, Reason::INTERNAL_ERROR] {
        let mut stream = greeted(client.websocket("/probe").await).await;
        stream.sending.send_reset(reason);
        assert_eq!(probe.end().await, DisconnectReason::Lost, "{reason:?}");
    }
    neighbour.text(ECHO).await;
    assert_eq!(neighbour.next_text().await, ECHO);
}

#[tokio::test]
async fn all_sockets_of_a_connection_are_lost_with_it() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(greeted(client.websocket("/probe").await).await);
    }
    client.kill();
    for _ in 0..3 {
        assert_eq!(probe.end().await, DisconnectReason::Lost);
    }
}

async fn greeted(mut socket: Raw<Stream>) -> Stream {
    socket.text(ECHO).await;
    assert_eq!(socket.next_text().await, ECHO);
    socket.into_inner()
}

/// GOAWAY is seen by no page: each socket is told by its own close frame.
#[tokio::test]
async fn a_stop_closes_each_stream_with_its_code_and_then_the_connection() {
    let mut probe =
        Probe::with(|server| server.drain(Drain::new().close_code(gateway_core::CloseCode::SERVICE_RESTART))).await;
    let mut client = probe.dial().await;
    let mut sockets = [client.websocket("/probe").await, client.websocket("/probe").await];
    for socket in &mut sockets {
        socket.text(ECHO).await;
        assert_eq!(socket.next_text().await, ECHO);
    }
    probe.running.handle().shutdown();
    for socket in &mut sockets {
        assert_eq!(socket.next().await, Received::Close(Some(1012), "service restart".to_owned()));
        socket.send(Frame::close(1012, "")).await;
    }
    assert_eq!(probe.end().await, DisconnectReason::Shutdown);
    for socket in sockets {
        let mut stream = socket.into_inner();
        assert!(is_over(&mut stream).await);
        stream.sending.send_data(Bytes::new(), true).expect("the other half");
    }
    timeout(PATIENCE, probe.running.stop()).await.expect("the stop ends");
    assert_eq!(client.ended().await, None, "GOAWAY without an error");
}

/// Messages that were read before a close frame are handled, as over HTTP/1.1.
#[tokio::test]
async fn what_a_client_sent_before_it_closed_is_handled() {
    let mut probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut witness = client.websocket("/probe").await;
    let mut socket = client.websocket("/probe").await;
    socket.text(r#"{"event":"wait"}"#).await;
    assert_eq!(socket.next_text().await, r#"{"event":"waiting","data":null}"#);
    for _ in 0..5 {
        socket.text(r#"{"event":"tell","data":1}"#).await;
    }
    socket.send(Frame::close(1000, "")).await;
    assert_eq!(socket.next().await, Received::Close(Some(1000), String::new()));
    probe.waiting.notify_one();
    for _ in 0..5 {
        assert_eq!(witness.next_text().await, r#"{"event":"told","data":"x"}"#);
    }
    assert!(matches!(probe.end().await, DisconnectReason::Client(_)));
}

/// A client with two streams of one connection, or one whose network has changed.
#[tokio::test]
async fn who_comes_back_while_the_old_stream_is_open_takes_its_session() {
    let mut probe = Probe::with(|server| server.recovery(Recovery::default())).await;
    let mut client = probe.dial().await;
    let mut old = client.websocket("/probe?resume").await;
    let session = |text: String| serde_json::from_str::<serde_json::Value>(&text).expect("JSON")["session"].take();
    let first = session(old.next_text().await);
    old.text(r#"{"event":"tell","data":1}"#).await;
    assert!(old.next_text().await.starts_with(r#"{"event":"told","data":"x","offset":"#));
    let path = format!("/probe?resume={}&offset=0", first["resume"].as_str().expect("a token"));
    let mut other = probe.dial().await;
    for number in 0..2 {
        let mut new = if number == 0 { client.websocket(&path).await } else { other.websocket(&path).await };
        for event in ["told", "tell"] {
            assert!(new.next_text().await.starts_with(&format!(r#"{{"event":"{event}","#)), "{number}");
        }
        let again = session(new.next_text().await);
        assert_eq!((&again["resumed"], &again["id"]), (&true.into(), &first["id"]), "{number}");
        assert_eq!(probe.end().await, DisconnectReason::Resumed);
        assert_eq!(old.close_code().await, Some(4503), "{number}");
        assert_eq!(probe.running.handle().of("/probe").unwrap().count(), 1);
        old = new;
    }
}
