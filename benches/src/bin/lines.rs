//! CPU time of a server for an echo over lines, beside a raw epoll loop that echoes lines: no JSON, no allocation, one write for
//! each read. Both run in child processes in turn; the ratio is the median over the rounds. Fails above the bounds.
#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::process::Process;
use gateway_core::extract::RawArgs;
use gateway_core::prelude::*;
use rustix::event::epoll::{self, CreateFlags, Event as Readiness, EventData, EventFlags};

const USAGE: &str = "lines [--rounds N] [--clients N] [--measure MS] [--floor] [--gateway]

  --rounds    how often each is measured (9)
  --clients   connections (16)
  --measure   milliseconds of a measurement (700)
  --floor     serve as the floor
  --gateway   serve as the gateway";

const FIRST: &[u8] = b"{\"connect\":\"/\"}\n";
const GREETING: &[u8] = b"{\"session\":{\"id\":\"f\",\"resumed\":false}}\n";
/// 32 bytes of data.
const MESSAGE: &[u8] = b"{\"event\":\"echo\",\"data\":\"01234567890123456789012345678901\"}\n";
/// Messages in flight, and the bound of the ratio for them.
const WINDOWS: [(usize, f64); 2] = [(1, 1.10), (16, 1.4)];
const READ: usize = 64 * 1024;
const LISTENER: u64 = u64::MAX;

#[gateway(namespace = "/")]
struct Bench;

#[gateway]
impl Bench {
    #[subscribe]
    fn echo(&self, args: RawArgs) -> RawArgs {
        args
    }
}

fn main() -> ExitCode {
    follow(USAGE, 0);
    let done = match (flag("--floor"), flag("--gateway")) {
        (true, _) => floor().map(|()| true),
        (false, true) => serve().map(|()| true),
        (false, false) => compare(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> io::Result<bool> {
    let rounds: usize = option("--rounds").unwrap_or(9);
    let mut within = true;
    for (window, bound) in WINDOWS {
        let mut floors = Vec::new();
        let mut ratios = Vec::new();
        for _ in 0..rounds {
            let floor = Measured::start("--floor")?.cpu_per_message(window)?;
            let gateway = Measured::start("--gateway")?.cpu_per_message(window)?;
            floors.push(floor);
            ratios.push(gateway / floor);
        }
        let (floor, ratio) = (median(&mut floors), median(&mut ratios));
        let verdict = if ratio > bound { "ABOVE THE BOUND" } else { "" };
        within &= ratio <= bound;
        println!(
            "echo × {window:<2}  floor {floor:.2} µs  ratio {ratio:.2} ({:.2} to {:.2}), at most {bound} {verdict}",
            ratios[0],
            ratios[ratios.len() - 1]
        );
    }
    Ok(within)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// A server in a child process, which ends with it.
struct Measured {
    child: Child,
    address: SocketAddr,
}

impl Measured {
    fn start(kind: &str) -> io::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?).arg(kind).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
        let address = line.trim().rsplit(' ').next().and_then(|address| address.parse().ok());
        let address = address.ok_or_else(|| io::Error::other(format!("no address in {line:?}")))?;
        Ok(Self { child, address })
    }

    /// Microseconds of CPU time for a message, with so many in flight on each connection.
    fn cpu_per_message(&self, window: usize) -> io::Result<f64> {
        let clients: usize = option("--clients").unwrap_or(16);
        let measure = Duration::from_millis(option("--measure").unwrap_or(700));
        let mut clients = (0..clients).map(|_| Load::connect(self.address)).collect::<io::Result<Vec<_>>>()?;
        let process = Process(self.child.id());
        run(&mut clients, window, Duration::from_millis(200))?;
        let before = process.cpu()?;
        let messages = run(&mut clients, window, measure)?;
        Ok(process.cpu()?.saturating_sub(before).as_secs_f64() * 1e6 / messages)
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

/// Rounds of a window on every connection until the time is over; the number of messages.
fn run(clients: &mut [Load], window: usize, time: Duration) -> io::Result<f64> {
    let burst = MESSAGE.repeat(window);
    let (end, mut messages) = (Instant::now() + time, 0.0);
    while Instant::now() < end {
        for client in clients.iter_mut() {
            client.stream.write_all(&burst)?;
        }
        for client in clients.iter_mut() {
            client.read(&burst)?;
            messages += window as f64;
        }
    }
    Ok(messages)
}

struct Load {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Load {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.write_all(FIRST)?;
        let mut greeting = [0];
        while greeting != *b"\n" {
            stream.read_exact(&mut greeting)?;
        }
        Ok(Self { stream, buffer: vec![0; READ] })
    }

    /// Reads the answers, which are what was sent.
    fn read(&mut self, expected: &[u8]) -> io::Result<()> {
        let answers = &mut self.buffer[..expected.len()];
        self.stream.read_exact(answers)?;
        if answers == expected { Ok(()) } else { Err(io::Error::other("an answer differs")) }
    }
}

fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let server = gateway_core::Server::new().lines("127.0.0.1:0").start("127.0.0.1:0").await;
        let server = server.map_err(io::Error::other)?;
        println!("listening on {}", server.lines_addrs()[0]);
        std::future::pending::<()>().await;
        Ok(())
    })
}

/// Echoes whole lines: one read, one write.
fn floor() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut peers: Vec<(TcpStream, Vec<u8>, bool)> = Vec::new();
    let mut ready = vec![Readiness { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 512];
    let mut read = vec![0; READ];
    loop {
        let count = epoll::wait(&poll, &mut ready[..], None)?;
        for event in &ready[..count] {
            let index = event.data.u64();
            if index == LISTENER {
                let (stream, _) = listener.accept()?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                epoll::add(&poll, &stream, EventData::new_u64(peers.len() as u64), EventFlags::IN)?;
                peers.push((stream, Vec::new(), false));
                continue;
            }
            let (stream, rest, greeted) = &mut peers[usize::try_from(index).expect("it was one")];
            let count = match stream.read(&mut read) {
                Ok(0) => continue,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            rest.extend_from_slice(&read[..count]);
            let Some(end) = rest.iter().rposition(|&byte| byte == b'\n') else { continue };
            let whole = if std::mem::replace(greeted, true) { &rest[..=end] } else { GREETING };
            stream.write_all(whole)?;
            rest.drain(..=end);
        }
    }
}
