//! More than a slow client may have waiting, sent in one turn over lines and server-sent events: everybody who reads gets
//! all of it, whoever may write to its stream.

use std::net::SocketAddr;

use gateway_core::limits::Limits;
use gateway_core::metrics::Counter;
use gateway_core::serve::{Endpoint, ServerSentEvents};
use gateway_tests::Raw;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

use crate::lines::{Lines, PATIENCE, address};
use crate::server::Probe;
use crate::tls::Files;

/// In frames, in bytes, and in both.
const BURSTS: [(usize, usize); 3] = [(1500, 8), (510, 3000), (100, 15_000)];

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(one: &mut Lines<S>, other: &mut Lines<S>) {
    for (count, bytes) in BURSTS {
        one.write(&format!("{{\"event\":\"burst\",\"data\":[{count},{bytes}]}}\n")).await;
        for event in ["own", "all"] {
            for number in 0..count {
                let line = one.line().await;
                assert!(line.starts_with(&format!("{{\"event\":\"{event}\"")), "{number}: {line}");
            }
        }
        assert_eq!(one.line().await, "{\"event\":\"burst\",\"data\":0}\n");
        for number in 0..count {
            assert!(other.line().await.starts_with("{\"event\":\"all\""), "{number}");
        }
    }
}

#[tokio::test]
async fn a_burst_reaches_clients_of_lines_over_every_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lines.sock");
    let files = Files::new();
    let encrypted = Endpoint::tls("127.0.0.1:0", files.load().expect("right files"));
    let server =
        Probe::with(|server| server.lines("127.0.0.1:0").lines(encrypted).lines(format!("unix:{}", path.display())))
            .await;
    let tcp = async || TcpStream::connect(address(&server.running)).await.expect("a connection");
    exchange(&mut Lines::enter(tcp().await).await, &mut Lines::enter(tcp().await).await).await;
    let unix = async || UnixStream::connect(&path).await.expect("a connection");
    exchange(&mut Lines::enter(unix().await).await, &mut Lines::enter(unix().await).await).await;
    let port = server.running.lines_addrs()[1].as_tcp().expect("a port");
    let tls = async || files.dial_port(port).await.expect("hands are shaken");
    exchange(&mut Lines::enter(tls().await).await, &mut Lines::enter(tls().await).await).await;
    assert_eq!(server.running.handle().count(Counter::SlowDisconnects), 0);
}

/// A stream of events and the number of its bytes that were read.
struct Listener<S> {
    stream: BufReader<S>,
    is_chunked: bool,
    read: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Listener<S> {
    /// Listens by the first request of a connection, or by the second, whose body has chunks.
    async fn open(stream: S, is_chunked: bool) -> (Self, String) {
        let mut stream = BufReader::new(stream);
        let first = if is_chunked { "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n" } else { "" };
        let listen = "GET /probe HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n";
        stream.write_all(format!("{first}{listen}").as_bytes()).await.expect("the server reads");
        stream.flush().await.expect("the server reads");
        let mut line = String::new();
        // The first answer's head and body, and the second's head.
        while !line.starts_with("HTTP/1.1 200") {
            line.clear();
            stream.read_line(&mut line).await.expect("an answer");
        }
        while line != "\r\n" {
            line.clear();
            stream.read_line(&mut line).await.expect("an answer");
        }
        let mut this = Self { stream, is_chunked, read: String::new() };
        while !this.read.contains("\"}\n\n") {
            this.more().await;
        }
        let id = this.read.split('"').nth(3).expect("an id").to_owned();
        this.read.clear();
        (this, id)
    }

    async fn more(&mut self) {
        let mut buffer = vec![0; 16 * 1024];
        let reading = async {
            if !self.is_chunked {
                let read = self.stream.read(&mut buffer).await.expect("the stream goes on");
                buffer.truncate(read);
                return;
            }
            let mut length = String::new();
            self.stream.read_line(&mut length).await.expect("a chunk");
            let length = usize::from_str_radix(length.trim(), 16).expect("the length of a chunk");
            buffer.resize(length + 2, 0);
            self.stream.read_exact(&mut buffer).await.expect("a chunk");
            buffer.truncate(length);
        };
        timeout(PATIENCE, reading).await.expect("more");
        assert!(!buffer.is_empty(), "the stream has ended: {}", self.read);
        self.read.push_str(std::str::from_utf8(&buffer).expect("ASCII"));
    }

    /// Reads so many events of this name, and nothing else.
    async fn expect(&mut self, name: &str, (count, bytes): (usize, usize)) {
        let event = format!("event: {name}\ndata: \"{}\"\n\n", "x".repeat(bytes));
        for number in 0..count {
            while self.read.len() < event.len() {
                self.more().await;
            }
            assert!(self.read.starts_with(&event), "{number}: {}", &self.read[..40]);
            self.read.drain(..event.len());
        }
    }
}

/// Asks for a burst, and returns the answer of the POST when it comes.
fn ask(address: SocketAddr, stream: &str, (count, bytes): (usize, usize)) -> tokio::task::JoinHandle<String> {
    let body = format!(r#"{{"event":"burst","data":[{count},{bytes}],"id":1}}"#);
    let head = format!("POST /probe HTTP/1.1\r\nHost: localhost\r\nGateway-Stream: {stream}\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    tokio::spawn(async move { Raw::dial(address).await.ask(&request).await.body })
}

#[tokio::test]
async fn a_burst_reaches_clients_of_server_sent_events_whoever_writes() {
    // One that is small, so that the bursts are many times of it.
    let limits = Limits::new().outbox_frames(256);
    let server = Probe::with(|server| server.server_sent_events(ServerSentEvents::new()).limits(limits)).await;
    for is_chunked in [false, true] {
        let dial = async || TcpStream::connect(server.address).await.expect("a connection");
        let (mut one, stream) = Listener::open(dial().await, is_chunked).await;
        let (mut other, _) = Listener::open(dial().await, is_chunked).await;
        for burst in BURSTS {
            let asked = ask(server.address, &stream, burst);
            let reading = tokio::join!(
                async {
                    one.expect("own", burst).await;
                    one.expect("all", burst).await;
                },
                other.expect("all", burst),
            );
            let ((), ()) = reading;
            assert_eq!(asked.await.expect("an answer"), r#"{"event":"burst","data":0,"id":1}"#, "{is_chunked}");
        }
    }
    assert_eq!(server.running.handle().count(Counter::SlowDisconnects), 0);
}
