//! The gateway the suites talk to.

use std::net::SocketAddr;

use gateway_core::SendError;
use gateway_core::prelude::*;
use gateway_core::serve::{Endpoint, LocalAddr, RunningServer};
use gateway_tests::Raw;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

/// Where a server on TCP listens.
pub(crate) fn tcp(running: &RunningServer) -> SocketAddr {
    match running.local_addr() {
        LocalAddr::Tcp(address) => *address,
        other => panic!("{other} is no TCP address"),
    }
}

/// A running server with the gateway `/probe`.
pub(crate) struct Probe {
    pub(crate) address: SocketAddr,
    pub(crate) running: RunningServer,
    /// The reason of each disconnect hook that ran.
    pub(crate) ends: mpsc::Receiver<DisconnectReason>,
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
        let server = configure(Server::empty().gateway::<ProbeGateway>().provide(sender));
        let running = server.start(endpoint).await.expect("a server that starts");
        Self { address: tcp(&running), running, ends }
    }

    pub(crate) async fn connect(&self) -> Raw {
        Raw::connect(self.address, "/probe").await
    }
}

#[gateway(namespace = "/probe")]
pub(crate) struct ProbeGateway {
    ends: mpsc::Sender<DisconnectReason>,
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

    #[subscribe]
    fn credentials(&self, handshake: Handshake) -> Option<Value> {
        handshake.auth().ok()
    }

    #[subscribe]
    fn typed(&self, Data(number): Data<i32>) -> i32 {
        number
    }

    #[subscribe]
    fn panic(&self) {
        panic!("on request");
    }

    /// Says that it runs, then runs until its client has gone.
    #[subscribe]
    async fn linger(&self, socket: Socket) -> Result<(), Exception> {
        socket.emit("lingering", &())?;
        socket.closed().await;
        Ok(())
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
