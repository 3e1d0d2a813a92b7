//! Requests that become no WebSocket: each is answered in its stream, and the connection goes on.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{HandshakeRejection, ServerSentEvents};
use gateway_core::socket_io::SocketIo;
use h2::ext::Protocol;
use http::{Method, Request, StatusCode};
use tokio::time::timeout;

use crate::client::{Answer, Client, PATIENCE};
use crate::server::Probe;
use crate::sockets::ECHO;

#[gateway(namespace = "/secret")]
#[guard(Closed)]
struct Secret;

#[gateway]
impl Secret {
    #[subscribe]
    fn read(&self) {}
}

#[derive(Clone, Copy, Debug, Default)]
struct Closed;

impl Guard for Closed {
    type Grants = ();

    fn check(&self, _: &GuardContext<'_>) -> Result<Grant, Exception> {
        Err(Exception::unauthorized())
    }
}

async fn refused(client: &mut Client, request: http::request::Builder) -> Answer {
    client.ask(request).await.map(drop).expect_err("no WebSocket")
}

#[tokio::test]
async fn each_refusal_has_its_status_and_the_connection_lives() {
    let limits = Limits::new().connections(1);
    let probe = Probe::with(|server| server.gateway::<Secret>().limits(limits)).await;
    let mut client = probe.dial().await;
    let check = async |client: &mut Client, request, status: u16, text: &str| {
        let answer = refused(client, request).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(text), "{answer:?}");
        for name in ["connection", "upgrade"] {
            assert_eq!(answer.headers.get(name), None, "{answer:?}");
        }
    };
    let request = client.connect_request("/nobody");
    check(&mut client, request, 404, "there is no gateway at this path").await;
    let request = client.connect_request("/secret");
    check(&mut client, request, 401, "").await;
    let request = client.connect_request("/probe").header("origin", "https://other.example");
    check(&mut client, request, 403, "this origin is not allowed").await;
    let mut request = client.connect_request("/probe");
    request.headers_mut().expect("right so far").insert("sec-websocket-version", "12".parse().expect("a value"));
    check(&mut client, request, 426, "`Sec-WebSocket-Version` must be 13").await;
    let request = client.connect_request(&format!("/probe?{}", "a=1&".repeat(101)));
    check(&mut client, request, 414, "").await;
    let request = client.to(Method::GET, "/probe");
    check(&mut client, request, 426, "this is a WebSocket endpoint").await;
    let uri = format!("https://{}/probe", client.authority);
    let request = Request::builder().method(Method::CONNECT).uri(uri).extension(Protocol::from_static("connect-udp"));
    check(&mut client, request, 501, "an extended CONNECT is for `websocket` alone").await;
    let request = Request::builder().method(Method::CONNECT).uri(client.authority.clone());
    check(&mut client, request, 405, "this server is no proxy").await;
    let mut socket = client.websocket("/probe").await;
    let request = client.connect_request("/probe");
    check(&mut client, request, 503, "there are too many connections").await;
    assert_eq!(probe.count(Counter::RejectedHandshakes), 9);
    socket.text(ECHO).await;
    assert_eq!(socket.next_text().await, ECHO);
}

#[tokio::test]
async fn a_head_beyond_its_limits_is_answered_431() {
    let probe = Probe::start().await;
    let mut client = probe.dial().await;
    let large = client.connect_request("/probe").header("cookie", "c".repeat(17_000));
    assert_eq!(refused(&mut client, large).await.status, 431);
    let many =
        (0..101).fold(client.connect_request("/probe"), |request, number| request.header(format!("x-{number}"), "1"));
    let answer = refused(&mut client, many).await;
    assert_eq!((answer.status, &*answer.body), (431, "there are too many headers\n"));
    let fits = client.connect_request("/probe").header("cookie", "c".repeat(14_000));
    client.ask(fits).await.expect("a WebSocket");
}

/// Status, method, path and headers of requests that are refused.
type Refusal = (u16, Method, &'static str, Vec<(&'static str, &'static str)>);

fn refusals() -> Vec<Refusal> {
    let post = |status, path, headers: &[_]| (status, Method::POST, path, headers.to_vec());
    let polling = "/socket.io/?EIO=4&transport=polling";
    let mut refusals = vec![
        post(400, "/socket.io/?EIO=4&transport=polling&sid=gone", &[]),
        post(400, polling, &[]),
        post(400, "/socket.io/?EIO=4&transport=none", &[]),
        post(400, "/probe", &[]),
        post(403, "/probe", &[("origin", "http://evil.example")]),
        post(403, "/socket.io/?EIO=4&transport=polling&sid=gone", &[("origin", "http://evil.example")]),
        post(404, "/none", &[]),
        post(404, "/probe", &[("gateway-stream", "gone")]),
        (426, Method::GET, "/probe", Vec::new()),
    ];
    for (status, word) in [(401, "401"), (403, "403"), (429, "429"), (503, "503")] {
        refusals.push((status, Method::GET, polling, vec![("x-refused", word)]));
    }
    refusals
}

/// Refuses in every way that a server has, but for those that are about connections in all.
async fn strict() -> Probe {
    Probe::with(|server| {
        let server = server.server_sent_events(ServerSentEvents::new());
        server.socket_io(SocketIo::new().max_http_buffer_size(500)).allow_request(|handshake: Handshake| async move {
            let refuse = |status, text| Err(HandshakeRejection::new(status, text));
            match handshake.header("x-refused") {
                Some("401") => refuse(StatusCode::UNAUTHORIZED, "who are you"),
                Some("403") => refuse(StatusCode::FORBIDDEN, "not you"),
                Some("429") => refuse(StatusCode::TOO_MANY_REQUESTS, "not so fast"),
                Some("503") => refuse(StatusCode::SERVICE_UNAVAILABLE, "not now"),
                _ => Ok(()),
            }
        })
    })
    .await
}

/// Its client gets the answer, however large the body is, and the connection's window is whole afterwards.
#[tokio::test]
async fn a_request_with_a_body_gets_its_refusal_and_its_neighbours_notice_nothing() {
    let probe = strict().await;
    let mut client = probe.dial().await;
    let mut neighbour = client.websocket("/probe").await;
    for (status, method, path, headers) in refusals() {
        for length in [1000, 100_000, 1_000_000, 5_000_000] {
            for is_announced in [true, false] {
                let what = format!("{status} {method} {path} {length} {is_announced}");
                let mut request = client.to(method.clone(), path);
                for (name, value) in &headers {
                    request = request.header(*name, *value);
                }
                if is_announced {
                    request = request.header("content-length", length);
                }
                let answer = client.request(request, vec![b'4'; length]).await;
                assert_eq!(answer.status, status, "{what}: {answer:?}");
                neighbour.text(ECHO).await;
                assert_eq!(neighbour.next_text().await, ECHO, "{what}");
            }
        }
    }
}

/// Bytes behind an extended `CONNECT` that is refused belong to no WebSocket.
#[tokio::test]
async fn what_follows_a_websocket_that_is_refused_hinders_nobody() {
    let probe = strict().await;
    let mut client = probe.dial().await;
    let mut neighbour = client.websocket("/probe").await;
    for (status, path) in [(404, "/none"), (403, "/probe")] {
        for _ in 0..20 {
            let request = client.connect_request(path).header("x-refused", "403");
            let answer = client.request(request, vec![b'4'; 1_000_000]).await;
            assert_eq!(answer.status, status, "{answer:?}");
        }
        neighbour.text(ECHO).await;
        assert_eq!(neighbour.next_text().await, ECHO);
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_or_takes_too_long_is_told() {
    let limits = Limits::new().assembly_timeout(Duration::from_millis(300)).message_bytes(500);
    let probe = Probe::with(|server| {
        let server = server.server_sent_events(ServerSentEvents::new());
        server.socket_io(SocketIo::new().max_http_buffer_size(500)).limits(limits)
    })
    .await;
    let mut client = probe.dial().await;
    for length in [1000, 100_000, 1_000_000] {
        let path = session(&mut client).await;
        let request = client.to(Method::POST, &path);
        assert_eq!(client.request(request, vec![b'4'; length]).await.status, 413, "{length}");
    }
    let path = session(&mut client).await;
    let (response, mut sending) = client.open(client.to(Method::POST, &path)).await;
    sending.send_data(Bytes::from_static(b"4"), false).expect("it is sent");
    let response = timeout(PATIENCE, response).await.expect("an answer").expect("no reset");
    assert_eq!(response.status(), 408);
}

/// Opens a session and returns the path of its POSTs.
async fn session(client: &mut Client) -> String {
    let path = "/socket.io/?EIO=4&transport=polling";
    let opened = client.get(path).await;
    let id = opened.body.split('"').nth(3).expect("an id");
    format!("{path}&sid={id}")
}
