//! A real server in memory, and the network between it and its clients: bytes go through a relay that can end at any byte.

use std::io;
use std::sync::{Arc, Mutex};

use gateway_client::{ByteStream, Client, ClientBuilder, ConnectFuture, Connector, Destination};
use gateway_core::serve::GatewayService;
use gateway_core::{Server, ServerHandle};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::watch;

/// Bytes in flight, as in a kernel's buffers.
const IN_FLIGHT: usize = 4096;

/// Number of bytes in each direction after which a connection ends, without a close frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) to_server: usize,
    pub(crate) to_client: usize,
}

impl Lifetime {
    pub(crate) const ENDLESS: Self = Self { to_server: usize::MAX, to_client: usize::MAX };
}

/// Connects clients to a server in memory.
#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    server: Peer,
    /// Lifetimes of the next connections; later ones are endless.
    lifetimes: Mutex<Vec<Lifetime>>,
    /// Each change ends the connections of before.
    cut: watch::Sender<u64>,
    is_down: Mutex<bool>,
}

/// Other end of the connections.
enum Peer {
    Gateway(GatewayService),
    /// A function that may do anything with the stream.
    Raw(Box<dyn Fn(DuplexStream) + Send + Sync>),
}

/// Starts a server, and a network to it.
pub(crate) async fn serve(server: Server) -> (Network, ServerHandle) {
    let (service, handle) = server.into_service().await.unwrap();
    (Network::new(Peer::Gateway(service)), handle)
}

/// Returns a network whose server is this function; it runs in a task of its own for each connection.
pub(crate) fn hostile<F>(serve: impl Fn(DuplexStream) -> F + Send + Sync + 'static) -> Network
where
    F: Future<Output = ()> + Send + 'static,
{
    Network::new(Peer::Raw(Box::new(move |stream| drop(tokio::spawn(serve(stream))))))
}

impl Network {
    fn new(server: Peer) -> Self {
        let (lifetimes, cut, is_down) = (Mutex::default(), watch::Sender::new(0), Mutex::default());
        Self(Arc::new(Inner { server, lifetimes, cut, is_down }))
    }

    /// Returns a builder of a client in this namespace.
    pub(crate) fn client(&self, namespace: &str) -> ClientBuilder {
        Client::builder(format!("ws://memory{namespace}")).connector(self.clone())
    }

    /// Ends every connection, without a close frame.
    pub(crate) fn cut(&self) {
        self.0.cut.send_modify(|cuts| *cuts += 1);
    }

    /// Sets if connections are refused.
    pub(crate) fn set_down(&self, is_down: bool) {
        *self.0.is_down.lock().unwrap() = is_down;
    }

    /// Sets the lifetimes of the next connections.
    pub(crate) fn set_lifetimes(&self, lifetimes: impl IntoIterator<Item = Lifetime>) {
        *self.0.lifetimes.lock().unwrap() = lifetimes.into_iter().collect();
    }
}

impl Connector for Network {
    fn connect(&self, _: &Destination<'_>) -> ConnectFuture {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            if *inner.is_down.lock().unwrap() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let lifetime = {
                let mut lifetimes = inner.lifetimes.lock().unwrap();
                if lifetimes.is_empty() { Lifetime::ENDLESS } else { lifetimes.remove(0) }
            };
            let (client, near) = duplex(IN_FLIGHT);
            let (far, server) = duplex(IN_FLIGHT);
            tokio::spawn(relay(near, far, lifetime, inner.cut.subscribe()));
            match &inner.server {
                Peer::Gateway(service) => drop(tokio::spawn(http(server, service.clone()))),
                Peer::Raw(serve) => serve(server),
            }
            Ok(Box::new(client) as Box<dyn ByteStream>)
        })
    }
}

async fn http(stream: DuplexStream, service: GatewayService) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let _ = serving.await;
}

/// Carries bytes both ways until one direction is over.
async fn relay(near: DuplexStream, far: DuplexStream, lifetime: Lifetime, mut cut: watch::Receiver<u64>) {
    let (near_reads, near_writes) = tokio::io::split(near);
    let (far_reads, far_writes) = tokio::io::split(far);
    cut.mark_unchanged();
    tokio::select! {
        () = pump(near_reads, far_writes, lifetime.to_server) => {}
        () = pump(far_reads, near_writes, lifetime.to_client) => {}
        _ = cut.changed() => {}
    }
}

/// Carries so many bytes, or all until the sender ends.
async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, mut left: usize) {
    let mut buffer = vec![0; 512];
    while left > 0 {
        let most = buffer.len().min(left);
        match from.read(&mut buffer[..most]).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                left -= read;
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
