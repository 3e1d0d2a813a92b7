//! Other requests over HTTP/2: the fallback's bodies in both directions, and its own WebSockets.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::limits::Limits;
use gateway_core::serve::Body;
use gateway_tests::{Frame, Raw, Received};
use http::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::server::Probe;

const LARGE: usize = 3_000_000;

/// Routes of an application.
fn respond(mut request: Request<Body>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    match (path.as_str(), request.method()) {
        ("/large", _) => Response::new(Body::from(vec![b'l'; LARGE])),
        ("/echo", &Method::POST) => Response::new(Body::new(request.into_body())),
        ("/version", _) => {
            Response::new(Body::from(format!("{:?} {:?}", request.version(), request.headers()["host"])))
        }
        // A library's WebSocket over HTTP/1.1: what comes goes back.
        ("/own", &Method::GET) if request.headers().contains_key("sec-websocket-key") => {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let mut stream = TokioIo::new(upgrade.await.expect("an upgrade"));
                stream.write_all(&Frame::text("welcome").unmasked().bytes()).await.expect("it is sent");
                let mut bytes = [0; 4096];
                while let Ok(read @ 1..) = stream.read(&mut bytes).await {
                    let back = Frame::text(format!("{read} bytes")).unmasked().bytes();
                    stream.write_all(&back).await.expect("it is sent");
                }
            });
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            let response = response.header("upgrade", "websocket").header("connection", "Upgrade");
            response.header("sec-websocket-accept", "x").header("x-own", "yes").body(Body::empty()).expect("an answer")
        }
        _ => Response::builder().status(StatusCode::IM_A_TEAPOT).body(Body::from("no route")).expect("an answer"),
    }
}

#[tokio::test]
async fn bodies_go_both_ways_under_flow_control() {
    let probe = Probe::with(|server| server.fallback_fn(respond)).await;
    let mut client = probe.dial().await;
    let answer = client.get("/large").await;
    assert_eq!((answer.status, answer.body.len()), (200, LARGE));
    assert_eq!(answer.headers["content-length"], LARGE.to_string());
    let request = client.to(Method::HEAD, "/large");
    let answer = client.request(request, Bytes::new()).await;
    assert_eq!((answer.headers["content-length"].to_str().expect("ASCII"), &*answer.body), ("3000000", ""));
    // Larger than both windows together, so that it has to flow.
    let request = client.to(Method::POST, "/echo");
    let (response, mut sending) = client.open(request).await;
    let piece = Bytes::from(vec![b'p'; 40_000]);
    sending.send_data(piece.clone(), false).expect("it is sent");
    let mut receiving = timeout(PATIENCE, response).await.expect("an answer").expect("no reset").into_body();
    sending.send_data(piece, true).expect("it is sent");
    let mut length = 0;
    while let Some(bytes) = timeout(PATIENCE, receiving.data()).await.expect("the rest") {
        let bytes = bytes.expect("no reset");
        length += bytes.len();
        receiving.flow_control().release_capacity(bytes.len()).expect("what was received");
    }
    assert_eq!(length, 80_000);
    let answer = client.get("/version").await;
    assert_eq!(answer.body, format!("HTTP/2.0 {:?}", client.authority));
}

#[tokio::test]
async fn a_body_that_nobody_reads_is_discarded_and_its_request_answered() {
    let probe = Probe::with(|server| server.fallback_fn(respond)).await;
    let mut client = probe.dial().await;
    for _ in 0..3 {
        let request = client.to(Method::POST, "/nothing");
        let answer = client.request(request, vec![b'x'; 1_000_000]).await;
        assert_eq!((answer.status, &*answer.body), (418, "no route"));
    }
}

#[tokio::test]
async fn an_answer_that_its_client_does_not_read_is_reset_in_time() {
    let limits = Limits::new().transfer_timeout(Duration::from_millis(300));
    let probe = Probe::with(|server| server.fallback_fn(respond).limits(limits)).await;
    let mut client = probe.dial().await;
    let (response, _sending) = client.open(client.to(Method::GET, "/large")).await;
    let mut receiving = timeout(PATIENCE, response).await.expect("an answer").expect("no reset").into_body();
    let reason = loop {
        // Nothing is given back to the window.
        match timeout(PATIENCE, receiving.data()).await.expect("an end") {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error.reason(),
            None => panic!("the whole body came"),
        }
    };
    assert_eq!(reason, Some(h2::Reason::CANCEL));
    assert_eq!(client.get("/version").await.status, 200);
}

/// A browser whose page came over HTTP/2 asks there for every WebSocket of its origin.
#[tokio::test]
async fn websockets_of_the_fallback_work_as_upgrades_of_http_1() {
    let probe = Probe::with(|server| server.fallback_fn(respond)).await;
    let mut client = probe.dial().await;
    let (headers, stream) = client.ask(client.connect_request("/own")).await.expect("a WebSocket");
    assert_eq!(headers["x-own"], "yes");
    assert_eq!(headers.get("sec-websocket-accept"), None);
    let mut socket = Raw::over(stream);
    assert_eq!(socket.next_text().await, "welcome");
    socket.write(&[b'x'; 1234]).await;
    assert_eq!(socket.next_text().await, "1234 bytes");
    let mut stream = socket.into_inner();
    stream.shutdown().await.expect("the end of its half");
    assert_eq!(stream.reset().await, None, "the other half ends too");

    let refused = client.ask(client.connect_request("/nothing")).await.map(drop).expect_err("no route");
    assert_eq!((refused.status, &*refused.body), (418, "no route"));
    let mut gateway = client.websocket("/probe").await;
    gateway.send(Frame::new(Frame::PING, "")).await;
    assert_eq!(gateway.next().await, Received::Pong(Vec::new()));
}
