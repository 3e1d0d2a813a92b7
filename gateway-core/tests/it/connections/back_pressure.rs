//! Slow clients, and clients that are not slow: bursts of one turn, answers that are not read yet, and large messages
//! on slow networks, by each transport that these tests can have in memory. `tests/loopback/slow.rs` has the same
//! over a network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use gateway_core::limits::{Limits, Overflow};
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::GatewayService;
use gateway_core::socket_io::SocketIo;
use gateway_core::testing::{Received, TestClient, TestServer};
use gateway_core::{CloseCode, SendError, ServerHandle};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};
use tower_service::Service;

/// More than a slow client may have waiting, in frames and in bytes.
const BURSTS: [(usize, usize); 2] = [(1500, 8), (510, 3000)];

#[gateway(namespace = "/bursts")]
struct Bursts;

/// Events that the connect hook is to send.
#[derive(Deserialize, Serialize)]
struct Wanted {
    count: usize,
    bytes: usize,
}

#[gateway]
impl Bursts {
    #[on_connect]
    fn joined(&self, socket: Socket) -> Result<(), SendError> {
        let Ok(Wanted { count, bytes }) = socket.handshake().auth() else { return Ok(()) };
        burst(count, bytes, |text| socket.emit("n", text))
    }

    #[subscribe]
    fn own(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        burst(count, bytes, |text| socket.emit("n", text))
    }

    #[subscribe]
    async fn later(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        sleep(Duration::from_millis(1)).await;
        burst(count, bytes, |text| socket.emit("n", text))
    }

    #[subscribe]
    fn everybody(&self, namespace: Namespace, Data((count, bytes)): Data<(usize, usize)>) -> Result<(), SendError> {
        burst(count, bytes, |text| if namespace.emit("n", text).skipped == 0 { Ok(()) } else { Err(SendError::Full) })
    }

    /// An answer of so many bytes, at once.
    #[subscribe]
    fn reply(&self, Data(bytes): Data<usize>) -> String {
        "x".repeat(bytes)
    }

    #[subscribe]
    fn echo(&self, Data(text): Data<String>) -> usize {
        text.len()
    }
}

fn burst(count: usize, bytes: usize, send: impl Fn(&str) -> Result<(), SendError>) -> Result<(), SendError> {
    let text = "x".repeat(bytes);
    (0..count).try_for_each(|_| send(&text))
}

fn application() -> Server {
    Server::empty().gateway::<Bursts>()
}

async fn server() -> TestServer {
    application().test().await.unwrap()
}

/// A client of each kind.
async fn all(server: &TestServer) -> [TestClient; 4] {
    let connect = || server.connect("/bursts");
    [
        connect().await.unwrap(),
        connect().socket_io().await.unwrap(),
        connect().protocol("gateway.v1.msgpack").await.unwrap(),
        server.connect_tcp("/bursts").await.unwrap(),
    ]
}

async fn expect_burst(client: &mut TestClient, (count, bytes): (usize, usize)) {
    for number in 0..count {
        assert_eq!(client.expect_named("n").await.as_str().map(str::len), Some(bytes), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_one_handler_reaches_its_client() {
    let server = server().await;
    for mut client in all(&server).await {
        for burst in BURSTS {
            for event in ["own", "later"] {
                client.begin(event, json!([burst.0, burst.1])).await;
                expect_burst(&mut client, burst).await;
                client.next().await;
            }
        }
    }
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn a_burst_to_everybody_closes_nobody() {
    let server = server().await;
    let mut others = all(&server).await;
    let mut ann = server.connect("/bursts").await.unwrap();
    for burst in BURSTS {
        ann.begin("everybody", json!([burst.0, burst.1])).await;
        expect_burst(&mut ann, burst).await;
        ann.next().await;
        for other in &mut others {
            expect_burst(other, burst).await;
        }
    }
    assert_eq!(server.count(Counter::SlowDisconnects), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connect_hook_may_send_a_burst() {
    let server = server().await;
    for burst in BURSTS {
        let connect = || server.connect("/bursts");
        let msgpack = connect().protocol("gateway.v1.msgpack");
        for connect in [connect(), connect().socket_io(), msgpack, server.connect_tcp("/bursts")] {
            let mut client = connect.auth(Wanted { count: burst.0, bytes: burst.1 }).await.unwrap();
            expect_burst(&mut client, burst).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_beyond_its_bound_is_too_much() {
    let limits = Limits::new().burst_bytes(2 * 1024 * 1024);
    for overflow in [Overflow::Close, Overflow::DropNewest, Overflow::DropOldest] {
        let server = application().limits(limits.clone().overflow(overflow)).test().await.unwrap();
        let mut client = server.connect("/bursts").await.unwrap();
        client.begin("own", json!([3000, 1000])).await;
        let first = client.next().await;
        if overflow == Overflow::Close {
            assert_eq!(client.closed().await.map(|closed| closed.code), Some(CloseCode::TOO_SLOW));
        } else {
            assert!(matches!(first, Received::Event { .. }), "{first:?}");
            client.emit_with_ack::<usize>("echo", "alive").await.unwrap();
        }
    }
}

/// A server inside a foreign HTTP server, as in axum: nobody but the connection's task can write.
struct Foreign(GatewayService);

impl Foreign {
    async fn start(server: Server) -> (Self, ServerHandle) {
        let (service, handle) = server.into_service().await.unwrap();
        (Self(service), handle)
    }

    /// A byte stream that holds so many bytes in each direction.
    fn dial(&self, holds: usize) -> DuplexStream {
        let (client, server) = tokio::io::duplex(holds);
        let service = self.0.clone();
        tokio::spawn(async move {
            let respond = service_fn(move |request| service.clone().call(request));
            let mut http = http1::Builder::new();
            let serving = http.timer(TokioTimer::new()).serve_connection(TokioIo::new(server), respond);
            let _ = serving.with_upgrades().await;
        });
        client
    }

    /// An upgraded stream.
    async fn upgrade(&self, path: &str, holds: usize) -> Peer {
        let mut stream = self.dial(holds);
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        Peer(stream)
    }
}

/// A client's end, that reads and writes what it is told to.
struct Peer(DuplexStream);

#[derive(Debug)]
enum Frame {
    Text(String),
    Ping,
    Close,
}

impl Peer {
    /// A text frame, masked with zeros.
    fn frame(text: &str) -> Vec<u8> {
        let length = text.len();
        let mut frame = match u8::try_from(length) {
            Ok(short @ ..126) => vec![0x81, 0x80 | short],
            _ => [&[0x81, 0xFF], &(length as u64).to_be_bytes()[..]].concat(),
        };
        if let Ok(short) = u16::try_from(length)
            && length > 125
        {
            frame = [&[0x81, 0xFE], &short.to_be_bytes()[..]].concat();
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text.as_bytes());
        frame
    }

    async fn send(&mut self, text: &str) {
        self.0.write_all(&Self::frame(text)).await.unwrap();
    }

    async fn next(&mut self) -> Frame {
        let head = [self.0.read_u8().await.unwrap(), self.0.read_u8().await.unwrap()];
        let length = match head[1] {
            126 => u64::from(self.0.read_u16().await.unwrap()),
            127 => self.0.read_u64().await.unwrap(),
            short => short.into(),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload).await.unwrap();
        match head[0] {
            0x81 => Frame::Text(String::from_utf8(payload).unwrap()),
            0x89 => Frame::Ping,
            0x88 => Frame::Close,
            other => panic!("{other:x}"),
        }
    }

    async fn text(&mut self) -> String {
        loop {
            match self.next().await {
                Frame::Text(text) => return text,
                Frame::Ping => {}
                other @ Frame::Close => panic!("{other:?}"),
            }
        }
    }
}

const ROOMY: usize = 64 * 1024;

#[tokio::test(start_paused = true)]
async fn a_burst_reaches_a_client_that_only_its_own_task_can_write_to() {
    let (foreign, _handle) = Foreign::start(application()).await;
    let mut other = foreign.upgrade("/bursts", ROOMY).await;
    let mut ann = foreign.upgrade("/bursts", ROOMY).await;
    // Read meanwhile, as any client does.
    let reader = tokio::spawn(async move {
        for (count, _) in BURSTS {
            for _ in 0..count {
                assert!(other.text().await.starts_with(r#"{"event":"n""#));
            }
        }
    });
    for event in ["own", "later", "everybody"] {
        for (count, bytes) in BURSTS {
            ann.send(&format!(r#"{{"event":"{event}","data":[{count},{bytes}],"id":1}}"#)).await;
            for _ in 0..count {
                assert!(ann.text().await.starts_with(r#"{"event":"n""#), "{event}");
            }
            assert!(ann.text().await.contains(r#""id":1"#));
        }
    }
    reader.await.unwrap();
}

fn socket_io() -> Server {
    application().gateway::<Other>().gateway::<Guests>().socket_io(SocketIo::new())
}

/// The other namespace of a connection.
#[gateway(namespace = "/other")]
struct Other;

#[gateway]
impl Other {
    /// Asks, and says what it heard.
    #[subscribe]
    async fn ask(&self, socket: Socket) -> String {
        socket.emit_with_ack::<u8>("question", &()).await.map_or_else(|error| error.to_string(), |_| "heard".into())
    }
}

#[gateway(namespace = "/guests/{number}")]
struct Guests;

#[gateway]
impl Guests {
    /// Takes a while, whether its client is there or not.
    #[subscribe]
    async fn linger(&self) {
        sleep(Duration::from_secs(3)).await;
    }
}

async fn two_namespaces(foreign: &Foreign) -> Peer {
    let mut peer = foreign.upgrade("/socket.io/?EIO=4&transport=websocket", ROOMY).await;
    assert!(peer.text().await.starts_with("0{"));
    for namespace in ["/bursts", "/other"] {
        peer.send(&format!("40{namespace},")).await;
        assert!(peer.text().await.starts_with(&format!("40{namespace},{{")));
    }
    peer
}

#[tokio::test(start_paused = true)]
async fn a_burst_reaches_one_of_two_namespaces_of_a_connection() {
    let (foreign, _handle) = Foreign::start(socket_io()).await;
    let mut peer = two_namespaces(&foreign).await;
    for event in ["own", "later", "everybody"] {
        for (count, bytes) in BURSTS {
            peer.send(&format!(r#"42/bursts,1["{event}",[{count},{bytes}]]"#)).await;
            for _ in 0..count {
                assert!(peer.text().await.starts_with(r#"42/bursts,["n""#), "{event}");
            }
            assert!(peer.text().await.starts_with("43/bursts,1["));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_ack_or_event_of_a_namespace_that_was_left_is_passed_over() {
    let (foreign, _handle) = Foreign::start(socket_io()).await;
    let mut peer = two_namespaces(&foreign).await;
    peer.send(r#"42/other,["ask"]"#).await;
    assert_eq!(peer.text().await, r#"42/other,0["question",null]"#);
    peer.send("41/other,").await;
    for late in ["43/other,0[1]", r#"42/other,["ask"]"#, "41/other,"] {
        peer.send(late).await;
    }
    peer.send(r#"42/bursts,1["echo","abc"]"#).await;
    assert_eq!(peer.text().await, "43/bursts,1[3]");
}

#[tokio::test(start_paused = true)]
async fn who_is_leaving_takes_no_place_among_namespaces() {
    let limits = Limits::new().namespaces_per_connection(3);
    let (foreign, handle) = Foreign::start(socket_io().limits(limits)).await;
    let mut peer = two_namespaces(&foreign).await;
    let start = Instant::now();
    // As many leave as may be in, at last: more is read when one of them has left.
    for (number, at_second) in [0, 0, 0, 3, 3].into_iter().enumerate() {
        peer.send(&format!("40/guests/{number},")).await;
        assert!(peer.text().await.starts_with(&format!("40/guests/{number},{{")));
        assert_eq!(start.elapsed().as_secs(), at_second, "{number}");
        peer.send(&format!(r#"42/guests/{number},["linger"]"#)).await;
        peer.send(&format!("41/guests/{number},")).await;
    }
    assert_eq!(handle.count(Counter::RefusedConnections), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_read_a_second_later_are_all_there() {
    let server = server().await;
    for mut client in all(&server).await {
        client.stop_reading();
        for _ in 0..200 {
            client.begin("reply", 50_000).await;
        }
        sleep(Duration::from_secs(1)).await;
        client.read_on();
        for number in 0..200 {
            assert!(matches!(client.next().await, Received::Reply { .. }), "{number}");
        }
    }
    let (foreign, _handle) = Foreign::start(application()).await;
    let peer = foreign.upgrade("/bursts", ROOMY).await;
    let (mut reads, mut writes) = tokio::io::split(peer.0);
    let sending = tokio::spawn(async move {
        for _ in 0..200 {
            writes.write_all(&Peer::frame(r#"{"event":"reply","data":50000,"id":1}"#)).await.unwrap();
        }
        writes
    });
    sleep(Duration::from_secs(1)).await;
    let mut left = 200 * (50_000 + r#"{"event":"reply","data":"","id":1}"#.len() + 4);
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        left -= timeout(Duration::from_secs(20), reads.read(&mut buffer)).await.unwrap().unwrap().min(left);
    }
    drop(sending.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_never_reads_ends_as_too_slow() {
    let (foreign, handle) = Foreign::start(application()).await;
    let mut peer = foreign.upgrade("/bursts", ROOMY).await;
    let start = Instant::now();
    let flood = Peer::frame(r#"{"event":"reply","data":50000,"id":1}"#).repeat(10);
    for _ in 0..1000 {
        if timeout(Duration::from_mins(5), peer.0.write_all(&flood)).await.is_ok_and(|written| written.is_err()) {
            break;
        }
    }
    // Silence and the time for an answer, as for who says nothing.
    assert!((45..=70).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(handle.count(Counter::SlowDisconnects), 1);
}

#[tokio::test(start_paused = true)]
async fn a_large_message_that_arrives_slowly_is_no_silence() {
    let limits = Limits::new().assembly_timeout(Duration::from_mins(10));
    let (foreign, _handle) = Foreign::start(application().limits(limits)).await;
    let mut peer = foreign.upgrade("/bursts", ROOMY).await;
    let frame = Peer::frame(&format!(r#"{{"event":"echo","data":"{}","id":1}}"#, "x".repeat(10_000)));
    let start = Instant::now();
    for part in frame.chunks(1000) {
        peer.0.write_all(part).await.unwrap();
        sleep(Duration::from_secs(9)).await;
    }
    assert!(start.elapsed() > Duration::from_secs(90));
    assert_eq!(peer.text().await, r#"{"event":"echo","data":10000,"id":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_stops_in_its_middle_or_never_ends_is_silence() {
    for (pause, within) in [(Duration::from_hours(1), 70), (Duration::from_secs(9), 170)] {
        let limits = Limits::new().assembly_timeout(Duration::from_hours(10));
        let (foreign, _handle) = Foreign::start(application().limits(limits)).await;
        let peer = foreign.upgrade("/bursts", ROOMY).await;
        let start = Instant::now();
        let (mut reads, mut writes) = tokio::io::split(peer.0);
        let sending = tokio::spawn(async move {
            let frame = Peer::frame(&"x".repeat(100_000));
            for part in frame.chunks(100) {
                if writes.write_all(part).await.is_err() {
                    break;
                }
                sleep(pause).await;
            }
        });
        let mut all = Vec::new();
        reads.read_to_end(&mut all).await.unwrap();
        assert!(start.elapsed() <= Duration::from_secs(within), "{:?}", start.elapsed());
        sending.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_large_message_that_is_read_slowly_is_no_silence() {
    for path in ["/bursts", "/socket.io/?EIO=4&transport=websocket"] {
        let (foreign, handle) = Foreign::start(socket_io()).await;
        let mut peer = foreign.upgrade(path, 4096).await;
        if path == "/bursts" {
            peer.send(r#"{"event":"reply","data":900000,"id":1}"#).await;
        } else {
            assert!(peer.text().await.starts_with("0{"));
            peer.send("40/bursts,").await;
            assert!(peer.text().await.starts_with("40/bursts,{"));
            peer.send(r#"42/bursts,1["reply",900000]"#).await;
        }
        let start = Instant::now();
        let mut left: usize = 900_000;
        let mut buffer = vec![0; 3000];
        while left > 0 {
            left -= peer.0.read(&mut buffer).await.unwrap().min(left);
            sleep(Duration::from_millis(500)).await;
        }
        assert!(start.elapsed() > Duration::from_secs(100));
        assert_eq!(handle.of("/bursts").unwrap().count(), 1, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_that_does_not_leave_in_time_is_too_slow() {
    let (foreign, handle) = Foreign::start(application()).await;
    let peer = foreign.upgrade("/bursts", 4096).await;
    let (mut reads, mut writes) = tokio::io::split(peer.0);
    writes.write_all(&Peer::frame(r#"{"event":"own","data":[4000,1000]}"#)).await.unwrap();
    let start = Instant::now();
    let mut buffer = vec![0; 100];
    // Always a little, so that it is not silent.
    while handle.count(Counter::SlowDisconnects) == 0 && start.elapsed() < Duration::from_hours(1) {
        let _ = reads.read(&mut buffer).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert!((119..=125).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_all_namespaces_of_a_connection_is_bounded_together() {
    let (foreign, handle) = Foreign::start(socket_io()).await;
    let mut peer = two_namespaces(&foreign).await;
    let start = Instant::now();
    let text = "x".repeat(100_000);
    for namespace in ["/bursts", "/other"] {
        for _ in 0..9 {
            assert_eq!(handle.of(namespace).unwrap().emit("n", &text).queued, 1);
            sleep(Duration::from_millis(1)).await;
        }
    }
    let mut buffer = vec![0; 100];
    while handle.count(Counter::SlowDisconnects) == 0 && start.elapsed() < Duration::from_hours(1) {
        let _ = peer.0.read(&mut buffer).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    assert!((119..=145).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}
