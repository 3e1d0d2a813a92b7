//! The gateway the suites talk to.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway_core::SendError;
use gateway_core::metrics::Counter;
use gateway_core::prelude::*;
use gateway_core::serve::{Endpoint, Http2, LocalAddr, RunningServer};
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use crate::client::{Client, PATIENCE};

/// A running server with the gateway `/probe`.
pub(crate) struct Probe {
    pub(crate) address: SocketAddr,
    pub(crate) running: RunningServer,
    /// The reason of each disconnect hook that ran.
    ends: mpsc::Receiver<DisconnectReason>,
    /// Lets every handler `wait` end.
    pub(crate) waiting: Arc<Notify>,
}

impl Probe {
    pub(crate) async fn start() -> Self {
        Self::with(|server| server).await
    }

    pub(crate) async fn with(configure: impl FnOnce(Server) -> Server) -> Self {
        Self::on("127.0.0.1:0", configure).await
    }

    pub(crate) async fn on(endpoint: impl Into<Endpoint>, configure: impl FnOnce(Server) -> Server) -> Self {
        let (sender, ends) = mpsc::channel(64);
        let waiting = Arc::<Notify>::default();
        let server = Server::empty().gateway::<ProbeGateway>().provide(sender).provide(Arc::clone(&waiting));
        let running = configure(server.http2(Http2::new())).start(endpoint).await.expect("a server that starts");
        let LocalAddr::Tcp(address) = *running.local_addr() else { panic!("a TCP address was asked for") };
        Self { address, running, ends, waiting }
    }

    pub(crate) async fn dial(&self) -> Client {
        Client::dial(self.address).await
    }

    /// The reason of the next disconnect hook.
    pub(crate) async fn end(&mut self) -> DisconnectReason {
        timeout(PATIENCE, self.ends.recv()).await.expect("a hook runs").expect("the server lives")
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.running.handle().count(counter)
    }
}

#[gateway(namespace = "/probe")]
pub(crate) struct ProbeGateway {
    ends: mpsc::Sender<DisconnectReason>,
    waiting: Arc<Notify>,
}

#[gateway]
impl ProbeGateway {
    #[subscribe]
    fn echo(&self, data: Data<Box<RawValue>>) -> Data<Box<RawValue>> {
        data
    }

    #[subscribe]
    fn length(&self, Data(text): Data<String>) -> usize {
        text.len()
    }

    /// Host, cookie `b`, address and subprotocol of the handshake.
    #[subscribe]
    fn handshake(&self, handshake: Handshake) -> Data<[Option<String>; 4]> {
        let address = handshake.address().map(|address| address.to_string());
        let [host, cookie, protocol] =
            [handshake.header("host"), handshake.cookie("b"), handshake.protocol()].map(|text| text.map(str::to_owned));
        Data([host, cookie, address, protocol])
    }

    /// Runs until the test lets it end.
    #[subscribe]
    async fn wait(&self, socket: Socket) -> Result<(), Exception> {
        socket.emit("waiting", &())?;
        self.waiting.notified().await;
        Ok(())
    }

    /// Closes its client's connection.
    #[subscribe]
    fn close(&self, socket: Socket) {
        socket.disconnect(gateway_core::Disconnect::new(gateway_core::CloseCode::new(4321), "told to"));
    }

    /// Sends this many bytes to everybody.
    #[subscribe]
    fn tell(&self, namespace: Namespace, Data(bytes): Data<usize>) -> usize {
        namespace.emit("told", &"x".repeat(bytes)).queued
    }

    /// Sends so many events of so many bytes in one turn: to its client, then to everybody.
    #[subscribe]
    fn burst(
        &self,
        socket: Socket,
        namespace: Namespace,
        Data((count, bytes)): Data<(usize, usize)>,
    ) -> Result<usize, SendError> {
        let text = "x".repeat(bytes);
        (0..count).try_for_each(|_| socket.emit("own", &text))?;
        Ok((0..count).map(|_| namespace.emit("all", &text).skipped).sum())
    }

    #[on_disconnect]
    async fn left(&self, reason: DisconnectReason) {
        self.ends.send(reason).await.ok();
    }
}
