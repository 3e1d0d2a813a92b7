//! A TCP proxy with bad weather: what a network does to connections, at will.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

/// Treatment of bytes on their way, in each direction. Changes hold for bytes that are read after them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Weather {
    /// They pass.
    Fair,
    /// They pass after this time.
    Delayed(Duration),
    /// They pass in pieces of at most so many bytes, with this time between them.
    Slow {
        /// Bytes of a piece.
        piece: usize,
        /// Between two pieces.
        every: Duration,
    },
    /// They pass in pieces of at most so many bytes, each in a segment of its own as far as the kernel does so.
    Split(usize),
    /// They do not pass, and nobody is told: neither end hears that the other closes.
    Blackhole,
    /// Every connection is reset, and so is every new one.
    Reset,
}

/// Stands between clients and a server of this process.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a port of its own.
    ///
    /// # Panics
    ///
    /// When there is no port left.
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (weather, changes) = watch::channel(Weather::Fair);
        let accepting = tokio::spawn(accept(listener, server, changes));
        Self { address, weather, accepting }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the weather for all connections.
    pub fn turn(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Connections end with their proxy: the set is dropped with this future.
async fn accept(listener: TcpListener, server: SocketAddr, weather: watch::Receiver<Weather>) {
    let mut carried = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let weather = weather.clone();
        carried.spawn(async move {
            if let Ok(server) = TcpStream::connect(server).await {
                carry(client, server, weather).await;
            }
        });
        while carried.try_join_next().is_some() {}
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, mut weather: watch::Receiver<Weather>) {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let is_reset = {
        let (client_reads, client_writes) = client.split();
        let (server_reads, server_writes) = server.split();
        let both = async {
            tokio::join!(
                pump(client_reads, server_writes, weather.clone()),
                pump(server_reads, client_writes, weather.clone())
            )
        };
        let mut watched = weather.clone();
        tokio::select! {
            _ = both => false,
            changed = watched.wait_for(|weather| *weather == Weather::Reset) => changed.is_ok(),
        }
    };
    if is_reset || *weather.borrow_and_update() == Weather::Reset {
        // A connection without time to linger ends by RST.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
}

/// Moves bytes one way until their sender closes.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        if weather.wait_for(|weather| *weather != Weather::Blackhole).await.is_err() {
            return;
        }
        let read = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        if pass(&buffer[..read], &mut to, &mut weather).await.is_none() {
            return;
        }
    }
    // What was read before a blackhole opened waits for its end, and so does the news that there is no more.
    if weather.wait_for(|weather| *weather != Weather::Blackhole).await.is_ok() {
        let _ = to.shutdown().await;
    }
}

async fn pass(bytes: &[u8], to: &mut (impl AsyncWrite + Unpin), weather: &mut watch::Receiver<Weather>) -> Option<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let now = *weather.wait_for(|weather| *weather != Weather::Blackhole).await.ok()?;
        let (most, before) = match now {
            Weather::Fair | Weather::Blackhole | Weather::Reset => (rest.len(), Duration::ZERO),
            Weather::Delayed(before) => (rest.len(), before),
            Weather::Slow { piece, every } => (piece, every),
            Weather::Split(piece) => (piece, Duration::ZERO),
        };
        if before.is_zero() {
            tokio::task::yield_now().await;
        } else {
            sleep(before).await;
        }
        let (piece, behind) = rest.split_at(most.clamp(1, rest.len()));
        to.write_all(piece).await.ok()?;
        rest = behind;
    }
    Some(())
}
