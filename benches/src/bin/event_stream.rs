//! Cost of a broadcast's delivery by server-sent events, beside a delivery over plain WebSocket: the same gateway, room, data and sender.
//! CPU time of the server, both in turn, as the median over the rounds; or instructions by callgrind, which do not depend on how
//! busy the machine is. Fails above the bound.
#![allow(clippy::cast_precision_loss, reason = "figures are read to three digits")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::load::Wrong;
use gateway_benches::side_by_side::{Running, Spec, callgrind};
use gateway_core::extract::RawArgs;
use gateway_core::limits::Limits;
use gateway_core::prelude::*;
use gateway_core::serve::ServerSentEvents;

const USAGE: &str = "event_stream [--instructions] [--rounds N] [--clients N] [--measure MS] [--serve]

  --instructions  count them, by valgrind
  --rounds        how often CPU time is measured (9)
  --clients       receivers (100)
  --measure       milliseconds of a measurement (700)
  --serve         serve as the gateway";

/// A delivery by server-sent events costs at most so many times as much as a plain one.
const BOUND: f64 = 1.15;
/// Broadcasts in flight.
const WINDOWS: [usize; 2] = [1, 8];
/// Broadcasts before anything is counted.
const WARM_UP: usize = 20;
/// Broadcasts that are counted.
const COUNTED: usize = 80;
const READ: usize = 64 * 1024;
/// Longer than a run: nothing but deliveries is written.
const NEVER: Duration = Duration::from_hours(1);

#[gateway(namespace = "/")]
struct Bench;

#[gateway]
impl Bench {
    #[on_connect]
    async fn joined(&self, socket: Socket, handshake: Handshake) -> Result<(), ConnectRejection> {
        if handshake.query("sends").is_none() {
            socket.join("everybody").await?;
        }
        socket.emit("welcome", &())?;
        Ok(())
    }

    #[subscribe]
    fn broadcast(&self, namespace: Namespace, args: RawArgs) {
        namespace.to("everybody").emit("posted", &args);
    }
}

/// The way of the deliveries.
#[derive(Clone, Copy)]
enum Delivery {
    Plain,
    EventStream,
}

fn main() -> ExitCode {
    follow(USAGE, 0);
    let done = if flag("--serve") {
        serve().map(|()| true).map_err(Wrong::from)
    } else if flag("--instructions") {
        compare("instructions", 1, instructions)
    } else {
        compare("µs", option("--rounds").unwrap_or(9), |way, window| Ok(cpu(way, window)?))
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Wrong(error)) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures both ways in turn, and prints the ratio for each window.
fn compare(unit: &str, rounds: usize, measure: impl Fn(Delivery, usize) -> Result<f64, Wrong>) -> Result<bool, Wrong> {
    let mut within = true;
    for window in WINDOWS {
        let (mut plains, mut ratios) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let plain = measure(Delivery::Plain, window)?;
            plains.push(plain);
            ratios.push(measure(Delivery::EventStream, window)? / plain);
        }
        let (plain, ratio) = (median(&mut plains), median(&mut ratios));
        let verdict = if ratio > BOUND { "ABOVE THE BOUND" } else { "" };
        within &= ratio <= BOUND;
        let (least, most) = (ratios[0], ratios[ratios.len() - 1]);
        println!(
            "delivery × {window}  plain {plain:.2} {unit}  event stream {:.2} {unit}  ratio {ratio:.3} ({least:.3} to {most:.3}), at most {BOUND} {verdict}",
            plain * ratio
        );
    }
    Ok(within)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn receivers() -> usize {
    option("--clients").unwrap_or(100)
}

/// Instructions of a delivery: of a server's life with more broadcasts, less those of one with fewer.
fn instructions(way: Delivery, window: usize) -> Result<f64, Wrong> {
    let program = std::env::current_exe()?;
    let command = format!("{} --serve", program.display());
    let total = |broadcasts| {
        callgrind(&command, |running| {
            let mut room = Room::enter(running.address, way)?;
            (0..broadcasts).step_by(window).try_for_each(|_| room.broadcast(window))?;
            Ok(())
        })
    };
    // Whole windows.
    let (few, more) = (WARM_UP.next_multiple_of(window), (WARM_UP + COUNTED).next_multiple_of(window));
    Ok((total(more)? - total(few)?) / ((more - few) * receivers()) as f64)
}

/// Microseconds of CPU time for a delivery.
fn cpu(way: Delivery, window: usize) -> io::Result<f64> {
    let running = Running::start(&Spec::new("event stream", std::env::current_exe()?).with("--serve"))?;
    let process = running.process();
    let mut room = Room::enter(running.address, way)?;
    (0..WARM_UP).try_for_each(|_| room.broadcast(window))?;
    let measure = Duration::from_millis(option("--measure").unwrap_or(700));
    let (before, end, mut broadcasts) = (process.cpu()?, Instant::now() + measure, 0);
    while Instant::now() < end {
        room.broadcast(window)?;
        broadcasts += window;
    }
    let used = process.cpu()?.saturating_sub(before);
    running.stop()?;
    Ok(used.as_secs_f64() * 1e6 / (broadcasts * receivers()) as f64)
}

/// The receivers of one way, and a sender over plain WebSocket.
struct Room {
    sender: TcpStream,
    receivers: Vec<Receiver>,
}

impl Room {
    fn enter(server: SocketAddr, way: Delivery) -> io::Result<Self> {
        let receivers = (0..receivers()).map(|_| Receiver::enter(server, way)).collect::<io::Result<_>>()?;
        let mut sender = dial(server, &upgrade("/?sends=1"))?;
        read_until(&mut sender, b"welcome")?;
        Ok(Self { sender, receivers })
    }

    /// Sends so many broadcasts at once, and waits until each receiver has all of them.
    fn broadcast(&mut self, window: usize) -> io::Result<()> {
        self.sender.write_all(&masked(MESSAGE).repeat(window))?;
        self.receivers.iter_mut().try_for_each(|receiver| receiver.read(window))
    }
}

/// 32 bytes of data.
const MESSAGE: &[u8] = br#"{"event":"broadcast","data":"01234567890123456789012345678901"}"#;

struct Receiver {
    stream: TcpStream,
    /// Bytes of a delivery, all of which are alike.
    delivery: &'static [u8],
    buffer: Vec<u8>,
}

impl Receiver {
    fn enter(server: SocketAddr, way: Delivery) -> io::Result<Self> {
        // RFC 6455 §5.2: a whole text of 60 bytes, not masked.
        let plain = b"\x81\x3c{\"event\":\"posted\",\"data\":\"01234567890123456789012345678901\"}";
        let (request, delivery): (String, &[u8]) = match way {
            Delivery::Plain => (upgrade("/"), plain),
            Delivery::EventStream => (
                "GET / HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n\r\n".to_owned(),
                b"event: posted\ndata: \"01234567890123456789012345678901\"\n\n",
            ),
        };
        let mut stream = dial(server, &request)?;
        read_until(&mut stream, b"welcome")?;
        if let Delivery::EventStream = way {
            // The data of the greeting.
            read_until(&mut stream, b"\n\n")?;
        }
        Ok(Self { stream, delivery, buffer: vec![0; READ] })
    }

    fn read(&mut self, window: usize) -> io::Result<()> {
        let deliveries = &mut self.buffer[..self.delivery.len() * window];
        self.stream.read_exact(deliveries)?;
        let is_right = deliveries.chunks(self.delivery.len()).all(|delivery| delivery == self.delivery);
        if is_right { Ok(()) } else { Err(io::Error::other("a delivery differs")) }
    }
}

fn dial(server: SocketAddr, request: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_mins(1)))?;
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

fn upgrade(target: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Reads up to the end of a text, byte by byte, as nothing behind it may be lost.
fn read_until(stream: &mut TcpStream, end: &[u8]) -> io::Result<()> {
    let (mut read, mut byte) = (Vec::new(), [0]);
    while !read.ends_with(end) {
        stream.read_exact(&mut byte)?;
        read.push(byte[0]);
    }
    // The rest of a plain greeting, whose text ends with its name or with a member behind it.
    if read.starts_with(b"HTTP/1.1 101") {
        while byte != *b"}" {
            stream.read_exact(&mut byte)?;
        }
    }
    Ok(())
}

/// RFC 6455 §5.3: what a client sends is masked; this key changes nothing.
fn masked(text: &[u8]) -> Vec<u8> {
    let length = u8::try_from(text.len()).expect("it is short");
    let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
    frame.extend_from_slice(text);
    frame
}

fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let limits = Limits::new().ping_interval(NEVER).request_timeout(NEVER);
    let server = Server::new()
        .limits(limits)
        .server_sent_events(ServerSentEvents::new().heartbeat(NEVER))
        .banner(false)
        .on_listening(|address| println!("listening on {address}"));
    runtime.block_on(server.serve("127.0.0.1:0")).map_err(io::Error::other)
}
