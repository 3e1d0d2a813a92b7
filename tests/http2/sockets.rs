//! WebSockets in streams: what their clients and handlers see is what they see over HTTP/1.1.

use flate2::{Decompress, FlushDecompress};
use gateway_core::metrics::Counter;
use gateway_core::serve::Deflate;
use gateway_tests::{Frame, Raw, Received};
use http::HeaderMap;

use crate::server::Probe;

pub(crate) const ECHO: &str = r#"{"event":"echo","data":[1],"id":1}"#;
const TELL: &str = r#"{"event":"tell","data":5}"#;
const TOLD: &str = r#"{"event":"told","data":"xxxxx"}"#;

#[tokio::test]
async fn a_websocket_in_a_stream_talks_and_is_closed_for_a_violation() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut socket = client.websocket("/probe").await;
    for length in [1, 1000, 300_000] {
        let text = format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "e".repeat(length));
        socket.text(&text).await;
        assert_eq!(socket.next_text().await, text);
    }
    socket.send(Frame::new(Frame::PING, "are you there")).await;
    assert_eq!(socket.next().await, Received::Pong(b"are you there".to_vec()));
    socket.send(Frame::text("hello").unmasked()).await;
    assert_eq!(socket.close_code().await, Some(1002));
    // Its connection goes on.
    let mut next = client.websocket("/probe").await;
    next.text(ECHO).await;
    assert_eq!(next.next_text().await, ECHO);
}

#[tokio::test]
async fn clients_of_both_versions_meet_on_one_port_in_one_namespace() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut http2 = client.websocket("/probe").await;
    let mut http1 = Raw::connect(probe.address, "/probe").await;
    http2.text(TELL).await;
    assert_eq!(http1.next_text().await, TOLD);
    assert_eq!(http2.next_text().await, TOLD);
    assert_eq!(http2.next_text().await, r#"{"event":"tell","data":2}"#);
    http1.text(TELL).await;
    assert_eq!(http2.next_text().await, TOLD);
}

#[tokio::test]
async fn a_hundred_sockets_of_one_connection_hear_one_broadcast() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let mut sockets = Vec::new();
    for _ in 0..100 {
        sockets.push(client.websocket("/probe").await);
    }
    assert_eq!(probe.count(Counter::Http2Connections), 1);
    sockets[0].text(TELL).await;
    for socket in &mut sockets {
        assert_eq!(socket.next_text().await, TOLD);
    }
    let metrics = probe.running.handle().metrics().to_string();
    assert!(metrics.contains("gateway_http2_connections 1\n"), "{metrics}");
    assert!(metrics.contains("gateway_connections{namespace=\"/probe\",transport=\"websocket\"} 100\n"), "{metrics}");
}

#[tokio::test]
async fn an_answer_has_no_headers_of_http_1_and_an_accept_only_for_a_key() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let check = |headers: &HeaderMap, accept: Option<&str>| {
        assert_eq!(headers.get("sec-websocket-accept").map(|value| value.to_str().expect("ASCII")), accept);
        for name in ["upgrade", "connection", "content-length"] {
            assert_eq!(headers.get(name), None, "{name}");
        }
        assert!(headers.contains_key("date"));
    };
    let (headers, _stream) = client.ask(client.connect_request("/probe")).await.expect("a WebSocket");
    check(&headers, None);
    // A proxy may take over the key of its own client, which then waits for the answer (RFC 6455 §1.3).
    let request = client.connect_request("/probe").header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
    let (headers, _stream) = client.ask(request).await.expect("a WebSocket");
    check(&headers, Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    let request = client.connect_request("/probe").header("sec-websocket-key", "c2hvcnQ=");
    check(&client.ask(request).await.expect("a key means nothing here").0, None);
}

#[tokio::test]
async fn a_handshake_reads_as_over_http_1() {
    let probe = Probe::with(|server| server.trust_proxies(["127.0.0.1"])).await;
    let mut client = probe.dial().await;
    let request = client.connect_request("/probe");
    // RFC 9113 §8.2.3: browsers send each cookie in a line of its own.
    let request = request.header("cookie", "a=1").header("cookie", "b=2").header("cookie", "c=3");
    let request = request.header("origin", format!("https://{}", client.authority));
    let request = request.header("x-forwarded-for", "192.0.2.7").header("sec-websocket-protocol", "x, gateway.v1");
    let (headers, stream) = client.ask(request).await.expect("a WebSocket");
    assert_eq!(headers["sec-websocket-protocol"], "gateway.v1");
    let mut socket = Raw::over(stream);
    socket.text(r#"{"event":"handshake","id":1}"#).await;
    let expected =
        format!(r#"{{"event":"handshake","data":["{}","2","192.0.2.7","gateway.v1"],"id":1}}"#, client.authority);
    assert_eq!(socket.next_text().await, expected);
}

#[tokio::test]
async fn messages_are_compressed_for_who_offers_it() {
    let probe = Probe::with(|server| server.deflate(Deflate::new().threshold(100))).await;
    let mut client = probe.dial().await;
    let request = client.connect_request("/probe");
    let request = request.header("sec-websocket-extensions", "permessage-deflate; client_max_window_bits");
    let (headers, stream) = client.ask(request).await.expect("a WebSocket");
    let agreed = headers["sec-websocket-extensions"].to_str().expect("ASCII");
    assert!(agreed.starts_with("permessage-deflate"), "{agreed}");
    let mut socket = Raw::over(stream);
    socket.inflating(|message| {
        let mut out = Vec::with_capacity(10_000);
        let message = [message, &[0, 0, 0xFF, 0xFF]].concat();
        Decompress::new(false).decompress_vec(&message, &mut out, FlushDecompress::Sync).expect("a compressed message");
        assert!(message.len() < out.len() / 10);
        out
    });
    socket.text(r#"{"event":"tell","data":5000}"#).await;
    assert_eq!(socket.next_text().await, format!(r#"{{"event":"told","data":"{}"}}"#, "x".repeat(5000)));
}
