//! A fixture as a child process, and a client whose events are read one by one.

use std::env;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::{broadcast, mpsc};
use tokio::time::timeout;

/// Longer than anything a suite waits for: a hang becomes a failure that names its line.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running fixture. It ends when this is dropped.
pub struct Fixture {
    _process: Child,
    port: u16,
}

impl Fixture {
    /// Starts a fixture on a free port.
    pub async fn start(name: &str) -> Self {
        let mut process = command(name)
            .args(["--port", "0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("a built fixture");
        let mut lines = BufReader::new(process.stdout.take().expect("a piped output")).lines();
        let line = within("the line", lines.next_line()).await.expect("readable output").expect("a line");
        let port = line.strip_prefix("listening on 127.0.0.1:").and_then(|port| port.parse().ok());
        Self { _process: process, port: port.unwrap_or_else(|| panic!("unexpected first line: {line}")) }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Waits until a client that comes now has been asked twice whether it is there: whoever was here before has been
    /// asked as often.
    pub async fn two_pings(&self) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("a server that listens");
        stream.write_all(UPGRADE.as_bytes()).await.expect("a connection");
        // Who asks for no namespace is let go of before long.
        stream.write_all(JOIN).await.expect("a connection");
        let mut read = Vec::new();
        for pings in 1..=2 {
            while read.windows(PING.len()).filter(|bytes| *bytes == PING).count() < pings {
                let length = within("a ping", stream.read_buf(&mut read)).await.expect("a connection");
                assert_ne!(length, 0, "the connection ended before a ping came");
            }
            stream.write_all(PONG).await.expect("a connection");
        }
    }
}

/// Another way to a fixture, whose connections can be cut.
pub struct Detour {
    port: u16,
    cut: broadcast::Sender<()>,
}

impl Detour {
    pub async fn to(server: &Fixture) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("a bound listener").port();
        let (cut, _) = broadcast::channel(1);
        tokio::spawn(forward(listener, server.port, cut.clone()));
        Self { port, cut }
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Cuts every connection that there is. Later ones are not.
    pub fn cut(&self) {
        self.cut.send(()).expect("a connection to cut");
    }
}

/// Runs until the test's runtime ends.
async fn forward(listener: TcpListener, port: u16, cut: broadcast::Sender<()>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let mut is_cut = cut.subscribe();
        tokio::spawn(async move {
            let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else { return };
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = is_cut.recv() => {}
            }
        });
    }
}

const UPGRADE: &str = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The frame of a ping of Engine.IO, and the one that answers it.
const PING: &[u8] = &[0x81, 1, b'2'];
const PONG: &[u8] = &[0x81, 0x81, 0, 0, 0, 0, b'3'];
const JOIN: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, b'4', b'0'];

/// REFERENCE=1 runs the suites against npm's servers, to prove the suites.
fn command(name: &str) -> Command {
    let repository = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..");
    if env::var("REFERENCE").is_ok_and(|set| set == "1") {
        let mut command = Command::new("node");
        command.arg(repository.join(format!("tests/clients/node/reference/{name}.mjs")));
        return command;
    }
    let binaries = env::var_os("FIXTURES").map_or_else(|| repository.join("target/debug"), PathBuf::from);
    Command::new(binaries.join(name))
}

/// A connected client, and what came to it.
pub struct Peer {
    pub client: Client,
    events: mpsc::UnboundedReceiver<(String, Payload)>,
}

impl Peer {
    /// Connects to the main namespace, and waits for its greeting.
    pub async fn connect(server: &Fixture, transport: TransportType) -> Self {
        let mut peer = Self::with(server, transport, |builder| builder).await;
        peer.next("auth").await;
        peer
    }

    /// Connects, set up in a way of the test's own.
    pub async fn with(
        server: &Fixture,
        transport: TransportType,
        set_up: impl FnOnce(ClientBuilder) -> ClientBuilder,
    ) -> Self {
        Self::at(&server.url(), transport, set_up).await
    }

    /// Connects by another transport.
    pub async fn at(url: &str, transport: TransportType, set_up: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let builder = ClientBuilder::new(url).transport_type(transport).reconnect(false);
        let builder = ["connect", "error", "close"].into_iter().fold(builder, |builder, name| {
            let sender = sender.clone();
            let event = if name == "connect" { Event::Connect } else { Event::from(name) };
            builder.on(event, move |payload, _| keep(&sender, name, payload))
        });
        let builder = builder.on_any(move |event, payload, _| keep(&sender, event.as_str(), payload));
        let client = within("the connection", set_up(builder).connect()).await.expect("a connection");
        Self { client, events }
    }

    /// The next event of this name; of the client's own events too.
    pub async fn next(&mut self, name: &str) -> Payload {
        loop {
            let (event, payload) = within(name, self.events.recv()).await.expect("an open channel");
            if event == name {
                return payload;
            }
        }
    }

    /// The arguments of the next event of this name.
    pub async fn arguments(&mut self, name: &str) -> Vec<Value> {
        arguments(self.next(name).await)
    }

    /// Emits, and reads the ack.
    pub async fn ask(&self, event: &str, data: impl Into<Payload>) -> Payload {
        let (sender, mut answers) = mpsc::unbounded_channel();
        let answered = move |payload: Payload, _: Client| keep(&sender, "answer", payload);
        self.client.emit_with_ack(event, data, PATIENCE, answered).await.expect("a connection");
        within("the ack", answers.recv()).await.expect("an ack").1
    }
}

type Kept = futures_util::future::BoxFuture<'static, ()>;

fn keep(sender: &mpsc::UnboundedSender<(String, Payload)>, event: &str, payload: Payload) -> Kept {
    // A test that has ended hears no more.
    let _ = sender.send((event.to_owned(), payload));
    std::future::ready(()).boxed()
}

/// Arguments of an event or an ack without binaries.
///
/// # Panics
///
/// When it carried a binary.
#[must_use]
pub fn arguments(payload: Payload) -> Vec<Value> {
    match payload {
        Payload::Text(values) => values,
        other => panic!("not of JSON: {other:?}"),
    }
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}
