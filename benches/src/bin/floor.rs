//! The limit: raw epoll, frames by hand, no JSON, no allocation. What is above it is the price of everything else.
//! One write per message, or with `--batched` one per read. A message that begins as a broadcast goes to everyone, every
//! other comes back. `--drop N`, `--double N`, `--alter N` and `--swap N` do wrong to each Nth message: a load generator
//! must see it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use data_encoding::BASE64;
use gateway_benches::arguments::{flag, follow, option};
use gateway_benches::frame::{self, Kind};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use sha1::{Digest, Sha1};

const LISTENER: u64 = u64::MAX;
const READ: usize = 64 * 1024;
/// Beginning of a message to all, in both formats.
const BROADCASTS: [&[u8]; 2] = [br#"{"event":"broadcast""#, br#"42["broadcast""#];
const OPEN: &[u8] = br#"0{"sid":"f","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
/// Text behind the id of the request `ask`, over Socket.IO.
const ASK: &[u8] = br#"["ask","#;
const CONNECT: &[u8] = b"40";
const CONNECTED: &[u8] = br#"40{"sid":"f"}"#;

const USAGE: &str = "floor [--port N] [--batched] [--drop N] [--double N] [--alter N] [--swap N]";

fn main() -> io::Result<()> {
    follow(USAGE, 0);
    let listener = TcpListener::bind(("127.0.0.1", option("--port").unwrap_or(0)))?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, &listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let faults = Faults {
        seen: 0,
        drop: option("--drop").unwrap_or(0),
        double: option("--double").unwrap_or(0),
        alter: option("--alter").unwrap_or(0),
        swap: option("--swap").unwrap_or(0),
        held: Vec::new(),
    };
    let mut floor = Floor { poll, peers: Vec::new(), free: Vec::new(), batched: flag("--batched"), faults };
    let mut ready = vec![Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; 512];
    let mut read = vec![0; READ];
    loop {
        let count = epoll::wait(&floor.poll, &mut ready[..], None)?;
        for event in &ready[..count] {
            match event.data.u64() {
                LISTENER => floor.accept(&listener)?,
                index => floor.turn(usize::try_from(index).expect("it was one"), &mut read)?,
            }
        }
    }
}

struct Floor {
    poll: OwnedFd,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    batched: bool,
    faults: Faults,
}

struct Peer {
    stream: TcpStream,
    rest: Vec<u8>,
    out: Vec<u8>,
    upgraded: bool,
    writable: bool,
}

/// Messages that a read has to send: to their sender, or to all.
#[derive(Default)]
struct Batch {
    own: Vec<u8>,
    all: Vec<u8>,
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        loop {
            let stream = match listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            let index = self.free.pop().unwrap_or(self.peers.len());
            epoll::add(&self.poll, &stream, EventData::new_u64(index as u64), EventFlags::IN)?;
            let peer = Peer { stream, rest: Vec::new(), out: Vec::new(), upgraded: false, writable: true };
            match self.peers.get_mut(index) {
                Some(place) => *place = Some(peer),
                None => self.peers.push(Some(peer)),
            }
        }
    }

    fn turn(&mut self, index: usize, read: &mut [u8]) -> io::Result<()> {
        let Some(peer) = &mut self.peers[index] else { return Ok(()) };
        if !peer.writable {
            peer.flush(&self.poll, index)?;
        }
        let kept = peer.rest.len();
        read[..kept].copy_from_slice(&peer.rest);
        peer.rest.clear();
        let count = match peer.stream.read(&mut read[kept..]) {
            Ok(count) if count > 0 => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            _ => {
                self.peers[index] = None;
                self.free.push(index);
                return Ok(());
            }
        };
        let bytes = &mut read[..kept + count];
        let used = if peer.upgraded { self.frames(index, bytes)? } else { peer.upgrade(bytes)? };
        if let Some(peer) = &mut self.peers[index] {
            peer.rest.extend_from_slice(&bytes[used..]);
        }
        Ok(())
    }

    fn frames(&mut self, index: usize, bytes: &mut [u8]) -> io::Result<usize> {
        let mut at = 0;
        let mut batch = Batch::default();
        while let Ok(Some(found)) = frame::read(&bytes[at..]) {
            let payload = &mut bytes[at + found.payload.start..at + found.payload.end];
            at += found.payload.end;
            frame::apply(found.mask.unwrap_or_default(), payload);
            match found.kind {
                Kind::Text if payload == CONNECT => frame::write(&mut batch.own, Kind::Text, None, CONNECTED),
                Kind::Text => self.faults.pass(payload, &mut batch),
                Kind::Close => frame::write(&mut batch.own, Kind::Close, None, payload),
                Kind::Ping => frame::write(&mut batch.own, Kind::Pong, None, payload),
                Kind::Pong => {}
            }
            if !self.batched {
                self.send(index, &mut batch)?;
            }
            if found.kind == Kind::Close {
                self.send(index, &mut batch)?;
                self.peers[index] = None;
                self.free.push(index);
                return Ok(at);
            }
        }
        self.send(index, &mut batch)?;
        Ok(at)
    }

    fn send(&mut self, index: usize, batch: &mut Batch) -> io::Result<()> {
        if !batch.all.is_empty() {
            for (index, peer) in self.peers.iter_mut().enumerate() {
                if let Some(peer) = peer {
                    peer.send(&self.poll, index, &batch.all)?;
                }
            }
            batch.all.clear();
        }
        if !batch.own.is_empty() {
            if let Some(peer) = &mut self.peers[index] {
                peer.send(&self.poll, index, &batch.own)?;
            }
            batch.own.clear();
        }
        Ok(())
    }
}

impl Peer {
    fn upgrade(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !bytes.ends_with(b"\r\n\r\n") {
            return Ok(0);
        }
        let text = String::from_utf8_lossy(bytes);
        let key = text.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap_or_default();
        // RFC 6455 §4.2.2.
        let hash = Sha1::new().chain_update(key).chain_update("258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
        let accept = BASE64.encode(&hash);
        let mut answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
        )
        .into_bytes();
        if text.starts_with("GET /socket.io/") {
            frame::write(&mut answer, Kind::Text, None, OPEN);
        }
        self.stream.write_all(&answer)?;
        self.upgraded = true;
        Ok(bytes.len())
    }

    fn send(&mut self, poll: &OwnedFd, index: usize, bytes: &[u8]) -> io::Result<()> {
        if !self.writable {
            self.out.extend_from_slice(bytes);
            return Ok(());
        }
        match self.stream.write(bytes) {
            Ok(taken) if taken == bytes.len() => Ok(()),
            Ok(taken) => self.wait(poll, index, &bytes[taken..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(poll, index, bytes),
            // Who is gone is found by reading.
            Err(_) => Ok(()),
        }
    }

    fn wait(&mut self, poll: &OwnedFd, index: usize, bytes: &[u8]) -> io::Result<()> {
        self.out.extend_from_slice(bytes);
        self.writable = false;
        epoll::modify(poll, &self.stream, EventData::new_u64(index as u64), EventFlags::IN | EventFlags::OUT)?;
        Ok(())
    }

    fn flush(&mut self, poll: &OwnedFd, index: usize) -> io::Result<()> {
        let taken = self.stream.write(&self.out).unwrap_or(0);
        self.out.drain(..taken);
        if self.out.is_empty() {
            self.writable = true;
            self.out = Vec::new();
            epoll::modify(poll, &self.stream, EventData::new_u64(index as u64), EventFlags::IN)?;
        }
        Ok(())
    }
}

impl Batch {
    fn push(&mut self, payload: &[u8]) {
        let is_for_all = BROADCASTS.iter().any(|begin| payload.starts_with(begin));
        let out = if is_for_all { &mut self.all } else { &mut self.own };
        match reply(payload) {
            Some(reply) => frame::write(out, Kind::Text, None, &reply),
            None => frame::write(out, Kind::Text, None, payload),
        }
    }
}

/// Answer to the request `ask` over Socket.IO; all else is answered by itself.
fn reply(payload: &[u8]) -> Option<Vec<u8>> {
    let rest = payload.strip_prefix(b"42")?;
    let (id, rest) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let data = rest.strip_prefix(ASK).filter(|_| !id.is_empty())?;
    Some([b"43", id, b"[", data].concat())
}

/// Wrongs done on purpose; 0 is never.
struct Faults {
    seen: u64,
    drop: u64,
    double: u64,
    alter: u64,
    swap: u64,
    /// The message that is to come after its follower.
    held: Vec<u8>,
}

impl Faults {
    fn pass(&mut self, payload: &mut [u8], batch: &mut Batch) {
        self.seen += 1;
        let due = |each: u64| each > 0 && self.seen.is_multiple_of(each);
        if due(self.alter)
            && let Some(byte) = payload.iter_mut().rev().find(|byte| byte.is_ascii_lowercase())
        {
            *byte = if *byte == b'x' { b'y' } else { b'x' };
        }
        if due(self.swap) {
            self.held = payload.to_vec();
        } else if !due(self.drop) {
            batch.push(payload);
        }
        if due(self.double) {
            batch.push(payload);
        }
        if !self.held.is_empty() && !due(self.swap) {
            batch.push(&std::mem::take(&mut self.held));
        }
    }
}
