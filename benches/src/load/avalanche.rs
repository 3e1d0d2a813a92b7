//! Clients that all lose their server at once and all come back.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType, bind, socket, sockopt};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::frame::{self, Kind};

use super::Wrong;

/// The clients of one process.
#[derive(Clone, Copy, Debug)]
pub struct Avalanche {
    /// Where they come to.
    pub server: SocketAddr,
    /// Number of clients.
    pub clients: usize,
    /// For how long they try to come back.
    pub patience: Duration,
}

/// Result of the clients' return.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Returned {
    /// Clients that are back, each with an answer to its first event.
    pub back: usize,
    /// Number of clients.
    pub clients: usize,
    /// Attempts that found nobody who listens, as while the server is away.
    pub unheard: u64,
    /// Attempts that were cut off, refused, or not answered in time.
    pub errors: u64,
    /// Seconds from the loss to the answer, of each that is back.
    pub seconds: Vec<f64>,
    /// Seconds from the first event to its answer, of each that is back.
    pub answers: Vec<f64>,
}

impl Returned {
    /// The value below which this share of the values lies.
    #[must_use]
    pub fn quantile(values: &[f64], share: f64) -> f64 {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let at = ((sorted.len() as f64 - 1.0) * share).max(0.0) as usize;
        sorted.get(at).copied().unwrap_or(f64::NAN)
    }

    /// Together with those of another process.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.back += other.back;
        self.clients += other.clients;
        self.unheard += other.unheard;
        self.errors += other.errors;
        self.seconds.extend(other.seconds);
        self.answers.extend(other.answers);
        self
    }
}

#[derive(Debug, Default)]
struct Failures {
    unheard: AtomicU64,
    errors: AtomicU64,
}

impl Avalanche {
    /// Connects all, calls `ready`, waits until each has lost its connection, and lets each come back as a client should: at
    /// random moments, over a time that doubles.
    ///
    /// # Errors
    ///
    /// When they do not get in in the first place.
    pub async fn run(self, ready: impl FnOnce()) -> Result<Returned, Wrong> {
        let failures = Arc::<Failures>::default();
        let all_in = Arc::new(Barrier::new(self.clients + 1));
        let mut clients = JoinSet::new();
        for index in 0..self.clients {
            let (failures, all_in) = (Arc::clone(&failures), Arc::clone(&all_in));
            clients.spawn(async move {
                let first = self.come_in(index, &Failures::default()).await;
                all_in.wait().await;
                let (mut stream, _) = first?;
                lose(&mut stream).await;
                drop(stream);
                let lost = Instant::now();
                let (stream, answer) = self.come_in(index, &failures).await?;
                Some((stream, lost.elapsed(), answer))
            });
        }
        all_in.wait().await;
        ready();
        let (mut seconds, mut answers) = (Vec::new(), Vec::new());
        let mut kept = Vec::new();
        while let Some(client) = clients.join_next().await {
            let Ok(Some((stream, away, answer))) = client else { continue };
            // It stays: coming back is worth nothing where it pushes others out.
            kept.push(stream);
            seconds.push(away.as_secs_f64());
            answers.push(answer.as_secs_f64());
        }
        Ok(Returned {
            back: kept.len(),
            clients: self.clients,
            unheard: failures.unheard.load(Ordering::Relaxed),
            errors: failures.errors.load(Ordering::Relaxed),
            seconds,
            answers,
        })
    }

    /// A connection whose first event was answered, and how long that took.
    async fn come_in(self, index: usize, failures: &Failures) -> Option<(TcpStream, Duration)> {
        let begun = Instant::now();
        let mut random = u32::try_from(index).unwrap_or(0) ^ std::process::id() ^ 0x9e37_79b9;
        for attempt in 0..64 {
            let most = BASE * 2_u32.pow(attempt.min(10));
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            sleep(most.min(CAP).mul_f64(f64::from(random >> 8) / f64::from(1_u32 << 24))).await;
            match timeout(ATTEMPT, enter(self.server, index)).await {
                Ok(Ok(entered)) => return Some(entered),
                Ok(Err(Failed::Unheard)) => drop(failures.unheard.fetch_add(1, Ordering::Relaxed)),
                Ok(Err(Failed::Cut)) | Err(_) => drop(failures.errors.fetch_add(1, Ordering::Relaxed)),
            }
            if begun.elapsed() > self.patience {
                break;
            }
        }
        None
    }
}

/// The first pause is at most this, and so on by two.
const BASE: Duration = Duration::from_millis(500);
const CAP: Duration = Duration::from_secs(5);
const ATTEMPT: Duration = Duration::from_secs(20);

enum Failed {
    Unheard,
    Cut,
}

async fn enter(server: SocketAddr, index: usize) -> Result<(TcpStream, Duration), Failed> {
    let mut stream = connect(server, index).await.map_err(|_| Failed::Unheard)?;
    converse(&mut stream, server).await.map(|answer| (stream, answer)).map_err(|_| Failed::Cut)
}

/// Every loopback address has its own ports.
async fn connect(server: SocketAddr, index: usize) -> std::io::Result<TcpStream> {
    let part = |shift: usize| u8::try_from((index >> shift) % 64).unwrap_or(0);
    let process = u8::try_from(std::process::id() % 200).unwrap_or(0);
    let from = SocketAddrV4::new(Ipv4Addr::new(127, 1 + process, part(6), 1 + part(0)), 0);
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    bind(&socket, &from)?;
    let stream = std::net::TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    TcpSocket::from_std_stream(stream).connect(server).await
}

/// The handshake, and an event that is answered.
async fn converse(stream: &mut TcpStream, server: SocketAddr) -> std::io::Result<Duration> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    let mut event = Vec::new();
    frame::write(&mut event, Kind::Text, Some([1, 2, 3, 4]), br#"{"event":"echo","data":"back"}"#);
    let begun = Instant::now();
    stream.write_all(&event).await?;
    let mut answer = Vec::new();
    while frame::read(&answer).map_err(|_| std::io::ErrorKind::InvalidData)?.is_none() {
        answer.push(stream.read_u8().await?);
    }
    Ok(begun.elapsed())
}

/// Reads until there is nothing more to read.
async fn lose(stream: &mut TcpStream) {
    let mut bytes = [0; 256];
    while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {}
}
