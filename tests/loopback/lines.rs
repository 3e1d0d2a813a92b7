//! Lines over real ports: TCP, Unix sockets and TLS, and networks that reset.

use std::net::SocketAddr;
use std::time::Duration;

use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{LocalAddr, Recovery, RunningServer};
use gateway_tests::{Proxy, Weather};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use crate::server::Probe;

/// Longer than any limit here: a hang becomes a failure that names its line.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

const FIRST: &str = "{\"connect\":\"/probe\"}\n";

async fn start() -> (Probe, SocketAddr) {
    let server = Probe::with(|server| server.lines("127.0.0.1:0")).await;
    let address = address(&server.running);
    (server, address)
}

pub(crate) fn address(running: &RunningServer) -> SocketAddr {
    running.lines_addrs()[0].as_tcp().expect("a port")
}

/// A client of lines.
pub(crate) struct Lines<S>(BufReader<S>);

impl Lines<TcpStream> {
    /// Connects with this first line, and is greeted.
    pub(crate) async fn greeted(address: SocketAddr, first: &str) -> Self {
        let mut client = Self(BufReader::new(dial(address).await));
        client.write(first).await;
        let greeting = client.json().await;
        assert_eq!(greeting["session"]["resumed"], false, "{greeting}");
        client
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Lines<S> {
    /// Names the namespace, and is greeted.
    pub(crate) async fn enter(stream: S) -> Self {
        let mut client = Self(BufReader::new(stream));
        client.write(FIRST).await;
        let greeting = client.json().await;
        assert_eq!(greeting["session"]["resumed"], false, "{greeting}");
        client
    }

    pub(crate) async fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).await.expect("a server that reads");
        self.0.get_mut().flush().await.expect("a server that reads");
    }

    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("a line in time").expect("a line");
        line
    }

    pub(crate) async fn json(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    async fn echo(&mut self, number: usize) {
        self.write(&format!("{{\"event\":\"echo\",\"data\":{number},\"id\":{number}}}\n")).await;
        assert_eq!(self.json().await, json!({"event": "echo", "data": number, "id": number}));
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(PATIENCE, self.0.read_to_string(&mut rest)).await.expect("an end").expect("one without a reset");
        rest
    }
}

async fn dial(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.expect("a connection")
}

#[tokio::test]
async fn a_port_of_lines_shares_the_namespace_with_websockets() {
    let (server, address) = start().await;
    let mut device = Lines::enter(dial(address).await).await;
    let mut browser = server.connect().await;
    device.write("{\"event\":\"tell\",\"data\":3,\"id\":1}\n").await;
    assert_eq!(device.line().await, "{\"event\":\"told\",\"data\":\"xxx\"}\n");
    assert_eq!(device.line().await, "{\"event\":\"tell\",\"data\":2,\"id\":1}\n");
    assert_eq!(browser.next_text().await, r#"{"event":"told","data":"xxx"}"#);
    // Many frames of both kinds, written straight to the streams.
    for number in 0..100 {
        browser.text(r#"{"event":"tell","data":1}"#).await;
        assert_eq!(device.line().await, "{\"event\":\"told\",\"data\":\"x\"}\n", "{number}");
    }
    let handle = server.running.handle();
    let metrics = handle.metrics().to_string();
    assert!(metrics.contains(r#"gateway_connections{namespace="/probe",transport="lines"} 1"#), "{metrics}");
}

#[tokio::test]
async fn what_was_asked_before_the_end_of_a_half_is_answered() {
    let (mut server, address) = start().await;
    let mut client = Lines(BufReader::new(dial(address).await));
    let requests: Vec<String> =
        (0..500).map(|number| format!("{{\"event\":\"echo\",\"data\":{number},\"id\":1}}\n")).collect();
    client.write(&format!("{FIRST}{}", requests.concat())).await;
    client.0.get_mut().shutdown().await.expect("an open stream");
    let rest = client.rest().await;
    let answers: Vec<&str> = rest.lines().skip(1).collect();
    assert_eq!(answers.len(), 500);
    assert_eq!(answers[499], r#"{"event":"echo","data":499,"id":1}"#);
    assert_eq!(server.ends.recv().await, Some(DisconnectReason::HalfClosed));
}

#[tokio::test]
async fn a_connection_that_is_reset_is_lost_once_wherever_it_was() {
    let (mut server, address) = start().await;
    let mut witness = Lines::enter(dial(address).await).await;
    for begun in ["", "{\"event\":\"ec", "{\"event\":\"linger\",\"id\":1}\n", "{\"event\":\"echo\"}\n{"] {
        let proxy = Proxy::to(address).await;
        let mut client = Lines::enter(dial(proxy.address()).await).await;
        client.echo(1).await;
        client.write(begun).await;
        proxy.turn(Weather::Reset);
        let end = timeout(PATIENCE, server.ends.recv()).await.expect("an end in time");
        assert_eq!(end, Some(DisconnectReason::Lost), "{begun}");
    }
    // Inside its first line a client is nobody yet.
    for begun in ["", "{\"connect\":", "\0\0"] {
        let proxy = Proxy::to(address).await;
        let mut stream = dial(proxy.address()).await;
        stream.write_all(begun.as_bytes()).await.expect("an open stream");
        proxy.turn(Weather::Reset);
    }
    witness.echo(1).await;
    assert!(server.ends.try_recv().is_err(), "each hook ran once");
}

#[tokio::test]
async fn a_refusal_is_read_by_a_client_that_goes_on_writing() {
    let (server, address) = start().await;
    let mut client = Lines(BufReader::new(dial(address).await));
    let flood = "{\"event\":\"echo\",\"data\":\"x\"}\n".repeat(10_000);
    client.write(&format!("{{\"connect\":\"/nowhere\"}}\n{flood}")).await;
    client.0.get_mut().shutdown().await.expect("an open stream");
    let rest = client.rest().await;
    assert!(rest.starts_with("{\"refused\":{\"status\":404,\"message\":\"there is no gateway at this path"), "{rest}");
    assert_eq!(server.running.handle().count(Counter::Events), 0);
}

#[tokio::test]
async fn a_stop_closes_every_client_and_ends() {
    let (server, address) = start().await;
    let mut client = Lines::enter(dial(address).await).await;
    let _silent = dial(address).await;
    let stopped = tokio::spawn(server.running.stop());
    assert_eq!(client.line().await, "{\"close\":{\"code\":1001,\"reason\":\"going away\"}}\n");
    assert_eq!(client.line().await, "");
    drop(client);
    timeout(PATIENCE, stopped).await.expect("a stop in time").expect("it stops");
    TcpStream::connect(address).await.expect_err("nobody listens");
}

#[tokio::test]
async fn a_unix_socket_is_named_by_its_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("lines.sock");
    let named = format!("unix:{}", path.display());
    // What a server left behind that was killed.
    drop(UnixListener::bind(&path).expect("a listener"));
    assert!(path.exists());
    let server = Probe::with(|server| server.lines(named.clone())).await;
    assert_eq!(server.running.lines_addrs(), [LocalAddr::Unix(Some(path.clone()))]);
    let mut client = Lines::enter(UnixStream::connect(&path).await.expect("a connection")).await;
    client.echo(7).await;
    // One that is in use is left alone.
    let (sender, _ends) = tokio::sync::mpsc::channel::<DisconnectReason>(1);
    let second = Server::empty().gateway::<crate::server::ProbeGateway>().provide(sender).lines(named);
    let error = second.start("127.0.0.1:0").await.expect_err("it is taken").to_string();
    assert!(error.contains("in use"), "{error}");
    client.echo(8).await;
    drop(server);
}

/// The client's network has changed: its end of the old connection is gone, the server's is open.
#[tokio::test]
async fn who_comes_back_while_the_old_connection_is_open_takes_its_session() {
    let mut server = Probe::with(|server| server.lines("127.0.0.1:0").recovery(Recovery::default())).await;
    let address = address(&server.running);
    let mut old = Lines(BufReader::new(dial(address).await));
    old.write("{\"connect\":\"/probe\",\"resume\":true}\n").await;
    let first = old.json().await["session"].take();
    old.write("{\"event\":\"tell\",\"data\":1,\"id\":1}\n").await;
    assert_eq!(old.json().await["event"], "told");
    let mut new = Lines(BufReader::new(dial(address).await));
    let resume = json!({"key": first["resume"], "offset": 0});
    new.write(&format!("{}\n", json!({"connect": "/probe", "resume": resume}))).await;
    assert_eq!(new.json().await["event"], "told");
    let again = new.json().await["session"].take();
    assert_eq!((&again["resumed"], &again["id"]), (&true.into(), &first["id"]));
    assert!(matches!(server.ends.recv().await, Some(DisconnectReason::Resumed)));
    let rest = old.rest().await;
    assert!(rest.ends_with("{\"close\":{\"code\":4503,\"reason\":\"resumed elsewhere\"}}\n"), "{rest}");
    assert_eq!(server.running.handle().of("/probe").unwrap().count(), 1);
    new.echo(2).await;
}
