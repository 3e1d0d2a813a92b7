//! Requests that are refused while their body is still on its way: whoever writes all of it before it reads gets the answer,
//! as a proxy does, which takes a connection that breaks off for the fault of the server.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::map_request;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::{HandshakeRejection, PeerAddr, RunningServer};
use gateway_core::socket_io::SocketIo;
use gateway_tests::{Raw, upgrade_request};
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::{sleep, timeout};

use crate::server::Probe;

/// Longer than any limit here: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_secs(20);
/// All refusals of a WebSocket.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const HANDSHAKE: &str = "GET /socket.io/?EIO=4&transport=polling";

/// A request that is refused: its status, its first line without the version, and headers of its own.
pub(crate) struct Refused {
    status: u16,
    line: &'static str,
    pub(crate) headers: String,
}

pub(crate) fn refused(status: u16, line: &'static str, headers: impl Into<String>) -> Refused {
    Refused { status, line, headers: headers.into() }
}

/// Framing of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    Length,
    Chunked,
}

impl Refused {
    fn head(&self, framing: Framing, length: usize, more: &str) -> String {
        let framing = match framing {
            Framing::Length => format!("Content-Length: {length}"),
            Framing::Chunked => "Transfer-Encoding: chunked".to_owned(),
        };
        format!("{} HTTP/1.1\r\nHost: localhost\r\n{}{more}{framing}\r\n\r\n", self.line, self.headers)
    }
}

fn body(framing: Framing, length: usize) -> Vec<u8> {
    match framing {
        Framing::Length => vec![b'4'; length],
        Framing::Chunked => {
            let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
            let mut chunks: Vec<u8> = vec![b'4'; length].chunks(16 * 1024).flat_map(chunk).collect();
            chunks.extend(b"0\r\n\r\n");
            chunks
        }
    }
}

/// Reads until the server ends the connection, or a second answer has come.
async fn read_answers<S: AsyncRead + Unpin>(what: &str, stream: &mut S, answers: usize) -> String {
    let mut read = Vec::new();
    let reading = async {
        loop {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or_else(|error| panic!("{what}: {error}"));
            read.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&read);
            if count == 0 || text.matches("HTTP/1.1 ").count() == answers && text.contains("\r\n\r\n") {
                return;
            }
        }
    };
    timeout(PATIENCE, reading).await.expect("an answer");
    String::from_utf8(read).expect("a text")
}

fn ends_the_connection(answer: &str) -> bool {
    answer.to_lowercase().contains("\r\nconnection: close\r\n")
}

/// Writes all of a request, and reads then. A connection that goes on takes another request.
pub(crate) async fn write_then_read<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    refused: &Refused,
    framing: Framing,
    length: usize,
) -> bool {
    let what = format!("{} {framing:?} {length} {}", refused.status, refused.line);
    let request = [refused.head(framing, length, "").as_bytes(), &body(framing, length)].concat();
    let written = timeout(PATIENCE, stream.write_all(&request)).await.expect("the server reads");
    written.unwrap_or_else(|error| panic!("{what}: {error}"));
    let answer = read_answers(&what, &mut stream, 1).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {} ", refused.status)), "{what}: {answer}");
    if ends_the_connection(&answer) {
        let rest = read_answers(&what, &mut stream, usize::MAX).await;
        assert!(!rest.contains("HTTP/1.1 "), "{what}: {rest}");
        return false;
    }
    stream.write_all(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").await.expect("it is open");
    let next = read_answers(&what, &mut stream, 1).await;
    assert!(next.contains("HTTP/1.1 404 "), "{what}: {answer}{next}");
    true
}

/// A client that waits for a word before it sends its body gets the answer in its place, and one that does not wait too.
pub(crate) async fn expect_a_word<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, refused: &Refused, waits: bool) {
    let what = format!("{} {} waits: {waits}", refused.status, refused.line);
    let mut request = refused.head(Framing::Length, 100_000, "Expect: 100-continue\r\n").into_bytes();
    if !waits {
        request.extend(body(Framing::Length, 100_000));
    }
    stream.write_all(&request).await.expect("the server reads");
    let mut answer = read_answers(&what, &mut stream, 1).await;
    if answer.starts_with("HTTP/1.1 100 ") {
        stream.write_all(&body(Framing::Length, if waits { 100_000 } else { 0 })).await.expect("the server reads");
        if answer.matches("HTTP/1.1 ").count() == 1 {
            answer = read_answers(&what, &mut stream, 1).await;
        }
        assert!(answer.contains(&format!("HTTP/1.1 {} ", refused.status)), "{what}: {answer}");
        return;
    }
    assert!(answer.starts_with(&format!("HTTP/1.1 {} ", refused.status)), "{what}: {answer}");
    assert!(ends_the_connection(&answer), "{what}: {answer}");
    let rest = read_answers(&what, &mut stream, usize::MAX).await;
    assert!(!rest.contains("HTTP/1.1 "), "{what}: {rest}");
}

/// Refuses in every way that a server has, but for those that are about connections in all.
async fn strict() -> Probe {
    Probe::with(|server| {
        let socket_io = SocketIo::new().max_http_buffer_size(500);
        server.socket_io(socket_io).allow_request(|handshake: Handshake| async move {
            match handshake.header("x-refused") {
                Some("401") => Err(HandshakeRejection::new(StatusCode::UNAUTHORIZED, "who are you")),
                Some("403") => Err(HandshakeRejection::new(StatusCode::FORBIDDEN, "not you")),
                Some("429") => Err(HandshakeRejection::new(StatusCode::TOO_MANY_REQUESTS, "not so fast")),
                Some("503") => Err(HandshakeRejection::new(StatusCode::SERVICE_UNAVAILABLE, "not now")),
                _ => Ok(()),
            }
        })
    })
    .await
}

/// Requests that such a server refuses.
pub(crate) fn refusals() -> Vec<Refused> {
    let mut refusals = vec![
        refused(400, "POST /socket.io/?EIO=4&transport=polling&sid=gone", ""),
        refused(400, "POST /socket.io/?EIO=4&transport=polling", ""),
        refused(400, "POST /socket.io/?EIO=4&transport=none", ""),
        refused(403, "POST /socket.io/?EIO=4&transport=polling&sid=gone", "Origin: http://evil.example\r\n"),
        refused(403, "GET /probe", format!("{UPGRADE}Origin: http://evil.example\r\n")),
        refused(404, "POST /none", ""),
        refused(404, "GET /none", UPGRADE),
        refused(426, "POST /probe", ""),
        refused(431, "POST /probe", "X: x\r\n".repeat(150)),
    ];
    for status in [401, 403, 429, 503] {
        refusals.push(refused(status, HANDSHAKE, format!("X-Refused: {status}\r\n")));
        refusals.push(refused(status, "GET /probe", format!("{UPGRADE}X-Refused: {status}\r\n")));
    }
    refusals
}

#[tokio::test]
async fn whoever_writes_all_of_a_body_before_it_reads_gets_the_refusal() {
    let server = strict().await;
    let mut seen = HashSet::new();
    for refused in refusals() {
        for framing in [Framing::Length, Framing::Chunked] {
            for length in [1000, 100_000, 1_000_000] {
                let stream = TcpStream::connect(server.address).await.expect("a connection");
                write_then_read(stream, &refused, framing, length).await;
            }
        }
        seen.insert(refused.status);
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

#[tokio::test]
async fn a_client_that_waits_for_a_word_gets_the_refusal_in_its_place() {
    let server = strict().await;
    for refused in refusals() {
        for waits in [true, false] {
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            expect_a_word(stream, &refused, waits).await;
        }
    }
}

/// A POST of a session that lives.
#[tokio::test]
async fn a_body_that_is_too_large_for_its_session_is_read_before_it_is_refused() {
    let server = strict().await;
    for framing in [Framing::Length, Framing::Chunked] {
        for length in [1000, 100_000, 1_000_000] {
            let mut client = Raw::dial(server.address).await;
            let opened = client.ask(&format!("{HANDSHAKE} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
            let id = opened.body.split('"').nth(3).expect("an id").to_owned();
            let line: &'static str = format!("POST /socket.io/?EIO=4&transport=polling&sid={id}").leak();
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            write_then_read(stream, &refused(413, line, ""), framing, length).await;
        }
    }
}

#[tokio::test]
async fn a_body_that_takes_too_long_is_refused_with_the_end_of_its_connection() {
    let limits = Limits::new().assembly_timeout(Duration::from_millis(200));
    let server = Probe::with(|server| server.limits(limits)).await;
    for framing in [Framing::Length, Framing::Chunked] {
        let mut client = Raw::dial(server.address).await;
        let opened = client.ask(&format!("{HANDSHAKE} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        let id = opened.body.split('"').nth(3).expect("an id").to_owned();
        let line: &'static str = format!("POST /socket.io/?EIO=4&transport=polling&sid={id}").leak();
        let slow = refused(408, line, "");
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        let (head, body) = (slow.head(framing, 100_000, ""), body(framing, 100_000));
        stream.write_all(head.as_bytes()).await.expect("it is open");
        stream.write_all(&body[..50_000]).await.expect("it is open");
        let answer = read_answers("408", &mut stream, 1).await;
        assert!(answer.starts_with("HTTP/1.1 408 ") && ends_the_connection(&answer), "{answer}");
        // Whoever goes on to write is no reason for a reset.
        stream.write_all(&body[50_000..]).await.expect("it is read");
        let rest = read_answers("408", &mut stream, usize::MAX).await;
        assert!(!rest.contains("HTTP/1.1 "), "{rest}");
    }
}

#[tokio::test]
async fn who_is_one_too_many_gets_the_refusal() {
    for (status, limits) in [
        (503, Limits::new().connections(1)),
        (429, Limits::new().connections_per_address(1)),
        (503, Limits::new().unclaimed_sessions(0)),
    ] {
        let server = Probe::with(|server| server.limits(limits)).await;
        let _one = server.connect().await;
        for framing in [Framing::Length, Framing::Chunked] {
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            write_then_read(stream, &refused(status, HANDSHAKE, ""), framing, 1_000_000).await;
        }
    }
}

#[tokio::test]
async fn beyond_its_bounds_the_refusal_ends_the_connection_and_is_read_nevertheless() {
    let server = Probe::with(|server| {
        let limits = Limits::new()
            .refused_body_bytes(64 * 1024)
            .refused_body_pause(Duration::from_millis(50))
            .assembly_timeout(Duration::from_millis(500));
        server.limits(limits)
    })
    .await;
    let refused = refused(404, "POST /none", "");
    for framing in [Framing::Length, Framing::Chunked] {
        for length in [60_000, 100_000, 1_000_000, 20_000_000] {
            let stream = TcpStream::connect(server.address).await.expect("a connection");
            let goes_on = write_then_read(stream, &refused, framing, length).await;
            assert_eq!(goes_on, length == 60_000, "{framing:?} {length}");
        }
    }
    // One that pauses to hear what the server says.
    let mut pausing = TcpStream::connect(server.address).await.expect("a connection");
    pausing.write_all(refused.head(Framing::Length, 60_000, "").as_bytes()).await.expect("it is open");
    let answer = read_answers("pausing", &mut pausing, 1).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && ends_the_connection(&answer), "{answer}");
    // One that drips.
    let (mut reads, mut writes) = TcpStream::connect(server.address).await.expect("a connection").into_split();
    writes.write_all(refused.head(Framing::Length, 60_000, "").as_bytes()).await.expect("it is open");
    let dripping = async {
        while writes.write_all(b"4").await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        () = dripping => panic!("the connection was cut before it was answered"),
        answer = read_answers("dripping", &mut reads, 1) => assert!(ends_the_connection(&answer), "{answer}"),
    }
}

#[tokio::test]
async fn a_server_that_stops_does_not_wait_for_a_body_that_nobody_wants() {
    let limits = Limits::new().close_timeout(Duration::from_millis(100));
    let server = Probe::with(|server| server.limits(limits)).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    stream.write_all(refused(404, "POST /none", "").head(Framing::Length, 60_000, "").as_bytes()).await.expect("open");
    // Whoever was let in after it has been read: its request is under way.
    let _other = server.connect().await;
    timeout(Duration::from_secs(5), server.running.stop()).await.expect("it stops");
    let answer = read_answers("stopping", &mut stream, 1).await;
    assert!(answer.starts_with("HTTP/1.1 404 ") && ends_the_connection(&answer), "{answer}");
}

#[tokio::test]
async fn a_unix_socket_reads_what_it_refuses_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("gateway.sock");
    let _server = Probe::served(UnixListener::bind(&path).expect("a listener")).await;
    for refused in refusals().iter().filter(|refused| !refused.headers.contains("X-Refused")) {
        for framing in [Framing::Length, Framing::Chunked] {
            let stream = UnixStream::connect(&path).await.expect("a connection");
            write_then_read(stream, refused, framing, 1_000_000).await;
        }
    }
}

#[tokio::test]
async fn those_who_watch_get_their_refusal_too() {
    let server = Probe::with(|server| server.monitoring("127.0.0.1:0")).await;
    let address =
        server.running.monitoring_addr().and_then(gateway_core::serve::LocalAddr::as_tcp).expect("an address");
    for framing in [Framing::Length, Framing::Chunked] {
        for line in ["POST /metrics", "POST /none"] {
            let stream = TcpStream::connect(address).await.expect("a connection");
            write_then_read(stream, &refused(404, line, ""), framing, 1_000_000).await;
        }
    }
}

/// An application that answers before it reads is no better than the server itself.
#[tokio::test]
async fn the_body_that_a_fallback_leaves_is_read() {
    let server = Probe::with(|server| server.fallback(Router::new())).await;
    for framing in [Framing::Length, Framing::Chunked] {
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        assert!(write_then_read(stream, &refused(404, "POST /none", ""), framing, 1_000_000).await);
    }
}

/// The connection is axum's, and so is its end: what can be read before the answer is.
#[tokio::test]
async fn inside_axum_a_body_is_read_before_it_is_refused() {
    let (sender, _ends) = tokio::sync::mpsc::channel::<DisconnectReason>(64);
    let server = Server::empty().gateway::<crate::server::ProbeGateway>().provide(sender);
    let (service, _handle) = server.into_service().await.expect("a service");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address: SocketAddr = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback_service(service)).await });
    let is_own = |refused: &&Refused| refused.status != 431 && !refused.headers.contains("X-Refused");
    for refused in refusals().iter().filter(is_own) {
        for framing in [Framing::Length, Framing::Chunked] {
            let stream = TcpStream::connect(address).await.expect("a connection");
            write_then_read(stream, refused, framing, 1_000_000).await;
        }
    }
}

/// The peer is known to axum, which says so in its own type: a layer of one line makes it ours.
#[tokio::test]
async fn inside_axum_a_proxy_is_trusted_by_its_address_once_that_is_told() {
    let (sender, _ends) = tokio::sync::mpsc::channel::<DisconnectReason>(64);
    let limits = Limits::new().connections_per_address(1);
    let server = Server::empty().gateway::<crate::server::ProbeGateway>().provide(sender).limits(limits);
    let (service, _handle) = server.trust_proxies(["127.0.0.1"]).into_service().await.expect("a service");
    let tell = map_request(async |ConnectInfo(peer): ConnectInfo<SocketAddr>, mut request: axum::extract::Request| {
        request.extensions_mut().insert(PeerAddr(peer));
        request
    });
    let routes = Router::new().fallback_service(service).layer(tell);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    let serving = routes.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, serving).await });
    let knock = async |told: &str| {
        let mut client = Raw::dial(address).await;
        let response = client.ask(&upgrade_request("/probe", &format!("X-Forwarded-For: {told}\r\n"))).await;
        (client, response.status)
    };
    let (_ann, status) = knock("6.6.6.6, 1.2.3.4").await;
    assert_eq!(status, 101);
    let (_bob, status) = knock("1.2.3.5").await;
    assert_eq!(status, 101);
    assert_eq!(knock("9.9.9.9, 1.2.3.4").await.1, 429);
}

impl Probe {
    async fn served(endpoint: impl Into<gateway_core::serve::Endpoint>) -> RunningServer {
        let (sender, _ends) = tokio::sync::mpsc::channel::<DisconnectReason>(64);
        let server = Server::empty().gateway::<crate::server::ProbeGateway>().provide(sender);
        server.start(endpoint).await.expect("a server that starts")
    }
}
