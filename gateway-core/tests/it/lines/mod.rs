//! Lines over TCP and Unix sockets, byte for byte and over a clock that stands still.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod bursts;
mod goodbyes;
mod half_close;
mod messages;
mod recovery;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{self, Stream, StreamExt};
use gateway_core::extract::Path;
use gateway_core::prelude::*;
use gateway_core::testing::TestServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream};
use tokio::time::{sleep, timeout};

/// The reasons of the disconnect hooks that ran.
#[derive(Clone, Default)]
struct Ends(Arc<Mutex<Vec<String>>>);

impl Ends {
    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[gateway(namespace = "/room/{name}")]
struct Room {
    ends: Ends,
}

#[gateway]
impl Room {
    #[on_connect]
    async fn joined(&self, socket: Socket, Path(name): Path<String>) -> Result<(), ConnectRejection> {
        if name == "closed" {
            return Err(ConnectRejection::new("closed", "this room is closed"));
        }
        if name == "late" {
            sleep(Duration::from_secs(2)).await;
        }
        Ok(socket.join("all").await?)
    }

    #[subscribe]
    fn echo(&self, data: Data<Value>) -> Data<Value> {
        data
    }

    #[subscribe]
    async fn slowly(&self, data: Data<Value>) -> Data<Value> {
        sleep(Duration::from_secs(2)).await;
        data
    }

    #[subscribe]
    async fn forever(&self) {
        std::future::pending::<()>().await;
    }

    #[subscribe]
    fn tell(&self, socket: Socket, Data(text): Data<String>) -> usize {
        socket.to("all").emit("told", &text).queued
    }

    #[subscribe]
    fn flood(&self, socket: Socket, Data(bytes): Data<usize>) -> Result<(), Exception> {
        Ok(socket.emit("flood", &"x".repeat(bytes))?)
    }

    /// So many events of so many bytes in one turn: to its client, then to everybody.
    #[subscribe]
    fn burst(&self, socket: Socket, Data((count, bytes)): Data<(usize, usize)>) -> Result<usize, Exception> {
        let text = "x".repeat(bytes);
        for _ in 0..count {
            socket.emit("own", &text)?;
        }
        let everybody = socket.namespace().to("all");
        Ok((0..count).map(|_| everybody.emit("all", &text).skipped).sum())
    }

    #[subscribe]
    fn count(&self, Data(most): Data<u64>) -> impl Stream<Item = Data<u64>> {
        stream::iter(0..most).then(|number| async move {
            sleep(Duration::from_millis(10)).await;
            Data(number)
        })
    }

    #[subscribe]
    async fn ask(&self, socket: Socket) -> Result<Data<Value>, Exception> {
        socket
            .emit_with_ack::<Value>("name", &())
            .await
            .map(Data)
            .map_err(|error| Exception::new("asked", error.to_string()))
    }

    #[subscribe]
    fn said(&self, handshake: Handshake) -> Data<Value> {
        let header = |name| handshake.header(name).map(str::to_owned);
        Data(json!({
            "auth": handshake.auth::<Value>().ok(),
            "authorization": header("authorization"),
            "forwarded": header("x-forwarded-for"),
            "session": handshake.cookie("session"),
            "lang": handshake.query("lang"),
            "path": handshake.path(),
        }))
    }

    #[on_disconnect]
    async fn left(&self, reason: DisconnectReason) {
        self.ends.0.lock().unwrap().push(reason.to_string());
    }
}

/// Lets in who says the right word.
#[derive(Default)]
struct Word;

impl Guard for Word {
    type Grants = ();

    fn check(&self, context: &GuardContext<'_>) -> Result<Grant, Exception> {
        match context.handshake().auth::<String>() {
            Ok(word) if word == "right" => Ok(Grant::new()),
            _ => Err(Exception::new("unauthorized", "wrong word")),
        }
    }
}

#[gateway(namespace = "/guarded")]
#[guard(Word)]
struct Guarded;

#[gateway]
impl Guarded {
    #[subscribe]
    fn echo(&self, data: Data<Value>) -> Data<Value> {
        data
    }
}

async fn start(configure: impl FnOnce(Server) -> Server) -> (TestServer, Ends) {
    let ends = Ends::default();
    let server = Server::empty().gateway::<Room>().gateway::<Guarded>().provide(ends.clone());
    (configure(server).test().await.unwrap(), ends)
}

/// A client that writes what it is told to and reads lines.
struct Wire(BufReader<DuplexStream>);

impl Wire {
    fn open(server: &TestServer) -> Self {
        Self(BufReader::new(server.tcp()))
    }

    /// A client in a room, greeted.
    async fn enter(server: &TestServer, room: &str) -> Self {
        let mut wire = Self::open(server);
        wire.write(&format!("{{\"connect\":\"/room/{room}\"}}\n")).await;
        let greeting = wire.json().await;
        assert_eq!(greeting["session"]["resumed"], false, "{greeting}");
        wire
    }

    async fn write(&mut self, text: &str) {
        self.bytes(text.as_bytes()).await;
    }

    async fn bytes(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).await.unwrap();
    }

    /// Ends the client's half.
    async fn finish(&mut self) {
        self.0.get_mut().shutdown().await.unwrap();
    }

    /// The next line, without its end; empty at the end of the connection.
    async fn line(&mut self) -> String {
        let mut line = String::new();
        timeout(Duration::from_mins(5), self.0.read_line(&mut line)).await.expect("a line in time").unwrap();
        assert!(line.is_empty() || line.ends_with('\n'), "{line:?}");
        line.trim_end_matches('\n').to_owned()
    }

    async fn json(&mut self) -> Value {
        let line = self.line().await;
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Everything up to the end of the connection.
    async fn rest(&mut self) -> String {
        let mut rest = String::new();
        timeout(Duration::from_mins(5), self.0.read_to_string(&mut rest)).await.expect("an end in time").unwrap();
        rest
    }
}
