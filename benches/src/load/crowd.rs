//! Many connections, read in turns without ever sleeping.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;

use crate::frame::{self, Kind};
use crate::wire::{Incoming, Opening, Said, Wire, Wires};

/// A run that is worth nothing: the server did something else than asked.
#[derive(Debug)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<io::Error> for Wrong {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// After so long without a byte something was lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
const READ: usize = 256 * 1024;
const READY: usize = 512;

/// The connections of one run.
pub struct Crowd {
    wires: Wires,
    poll: OwnedFd,
    members: Vec<Member>,
    ready: Vec<Event>,
    read: Vec<u8>,
    text: Vec<u8>,
    key: u32,
    heard: Instant,
    /// Clients whose bytes the kernel did not all take.
    stuck: Vec<usize>,
}

struct Member {
    stream: TcpStream,
    /// Rest of a frame that is not complete.
    rest: Vec<u8>,
    /// Bytes that the kernel did not take yet.
    out: Vec<u8>,
    open: bool,
}

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    ///
    /// When there is no epoll.
    pub fn new(wires: Wires) -> Result<Self, Wrong> {
        Ok(Self {
            wires,
            poll: epoll::create(CreateFlags::CLOEXEC).map_err(io::Error::from)?,
            members: Vec::new(),
            ready: vec![Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }; READY],
            read: vec![0; READ],
            text: Vec::new(),
            key: 0x9e37_79b9,
            heard: Instant::now(),
            stuck: Vec::new(),
        })
    }

    /// Number of clients.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Returns `true` if there is no client.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Opens connections until they are `count`, a few at a time, and waits until events may be sent on all of them.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub fn grow(&mut self, server: SocketAddr, count: usize) -> Result<(), Wrong> {
        while self.members.len() < count {
            let first = self.members.len();
            for _ in first..count.min(first + AT_ONCE) {
                self.connect(server)?;
            }
            let last = self.members.len();
            self.heard = Instant::now();
            while self.members[first..last].iter().any(|member| !member.open) {
                self.turn(|_, said, _| Err(Wrong(format!("{said} came before anything was sent"))))?;
            }
        }
        Ok(())
    }

    fn connect(&mut self, server: SocketAddr) -> Result<(), Wrong> {
        let mut stream = connect_from(server, self.members.len())?;
        stream.set_nodelay(true)?;
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            self.wire(self.members.len()).target()
        );
        stream.write_all(request.as_bytes())?;
        stream.set_nonblocking(true)?;
        let index = self.members.len() as u64;
        epoll::add(&self.poll, &stream, EventData::new_u64(index), EventFlags::IN).map_err(io::Error::from)?;
        self.members.push(Member { stream, rest: Vec::new(), out: Vec::new(), open: false });
        Ok(())
    }

    /// Makes the clients' buffers in the kernel small, so that unread data soon fills them.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn take_little(&self) -> Result<(), Wrong> {
        for member in &self.members {
            rustix::net::sockopt::set_socket_recv_buffer_size(&member.stream, 4096).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// An echo on each connection: with its answer all that a server does on connecting, such as joining a room, is done.
    ///
    /// # Errors
    ///
    /// When an answer is wrong.
    pub fn settle(&mut self) -> Result<(), Wrong> {
        for first in (0..self.members.len()).step_by(AT_ONCE) {
            let last = self.members.len().min(first + AT_ONCE);
            for index in first..last {
                self.queue(index, "echo", READY_TEXT);
                self.flush(index)?;
            }
            let mut missing = last - first;
            self.heard = Instant::now();
            while missing > 0 {
                self.turn(|index, said, data| {
                    missing = missing.saturating_sub(1);
                    let right = (first..last).contains(&index) && said == Said::event("echo") && data == READY_TEXT;
                    if right { Ok(()) } else { Err(Wrong(format!("connection {index}: {said} as its first answer"))) }
                })?;
            }
        }
        Ok(())
    }

    /// Puts an event behind what member `index` has to send.
    pub fn queue(&mut self, index: usize, name: &str, data: &[u8]) {
        self.text.clear();
        self.wire(index).event(&mut self.text, name, data);
        self.queue_text(index);
    }

    /// Sends a request, to be answered by its id.
    pub fn ask(&mut self, index: usize, name: &str, id: u64, data: &[u8]) {
        self.text.clear();
        self.wire(index).request(&mut self.text, name, id, data);
        self.queue_text(index);
    }

    fn wire(&self, index: usize) -> &'static dyn Wire {
        self.wires[index % self.wires.len()]
    }

    fn queue_text(&mut self, index: usize) {
        self.key ^= self.key << 13;
        self.key ^= self.key >> 17;
        self.key ^= self.key << 5;
        frame::write(&mut self.members[index].out, Kind::Text, Some(self.key.to_ne_bytes()), &self.text);
    }

    /// Sends what member `index` has queued, as far as the kernel takes it.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub fn flush(&mut self, index: usize) -> Result<(), Wrong> {
        let Member { stream, out, .. } = &mut self.members[index];
        while !out.is_empty() {
            match stream.write(out) {
                Ok(taken) => drop(out.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.stuck.push(index);
                    break;
                }
                Err(error) => return Err(Wrong(format!("connection {index}: {error}"))),
            }
        }
        Ok(())
    }

    /// Reads once from each connection that has something, and hands over what was said: by whom, what it is, its data. Gives the
    /// connections that were read.
    ///
    /// # Errors
    ///
    /// What `take` finds wrong, and a connection that ends or is silent for too long.
    pub fn turn(&mut self, mut take: impl FnMut(usize, Said<'_>, &[u8]) -> Result<(), Wrong>) -> Result<usize, Wrong> {
        for index in std::mem::take(&mut self.stuck) {
            self.flush(index)?;
        }
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut ready = std::mem::take(&mut self.ready);
        let count = epoll::wait(&self.poll, &mut ready[..], Some(&now)).map_err(io::Error::from)?;
        for event in &ready[..count] {
            let index = usize::try_from(event.data.u64()).unwrap_or(usize::MAX);
            self.read(index, &mut take)?;
        }
        self.ready = ready;
        if count > 0 {
            self.heard = Instant::now();
        } else if self.heard.elapsed() > PATIENCE {
            return Err(Wrong(format!("nothing came for {} s: something was lost", PATIENCE.as_secs())));
        }
        Ok(count)
    }

    /// The time in which nothing was heard begins now.
    pub fn patience(&mut self) {
        self.heard = Instant::now();
    }

    fn read(
        &mut self,
        index: usize,
        take: &mut impl FnMut(usize, Said<'_>, &[u8]) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        let mut read = std::mem::take(&mut self.read);
        let member = &mut self.members[index];
        let kept = member.rest.len();
        if read.len() < kept + READ / 2 {
            read.resize(kept + READ, 0);
        }
        read[..kept].copy_from_slice(&member.rest);
        member.rest.clear();
        let count = match member.stream.read(&mut read[kept..]) {
            Ok(0) => return Err(Wrong(format!("connection {index} was closed"))),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(Wrong(format!("connection {index}: {error}"))),
        };
        let bytes = &read[..kept + count];
        let mut at = self.upgraded(index, bytes)?;
        while let Some(frame) =
            frame::read(&bytes[at..]).map_err(|byte| Wrong(format!("a frame that begins with {byte:?}")))?
        {
            let payload = &bytes[at + frame.payload.start..at + frame.payload.end];
            at += frame.payload.end;
            self.frame(index, frame.kind, payload, take)?;
        }
        self.members[index].rest.extend_from_slice(&bytes[at..]);
        self.read = read;
        Ok(())
    }

    /// Where the frames begin: behind the answer to the handshake.
    fn upgraded(&mut self, index: usize, bytes: &[u8]) -> Result<usize, Wrong> {
        if self.members[index].open || !bytes.starts_with(b"HTTP/1.1 ") {
            return Ok(0);
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(0);
        };
        if !bytes.starts_with(b"HTTP/1.1 101") {
            return Err(Wrong(String::from_utf8_lossy(bytes).into_owned()));
        }
        self.opening(index, None)?;
        Ok(end + 4)
    }

    fn opening(&mut self, index: usize, message: Option<&[u8]>) -> Result<(), Wrong> {
        match self.wire(index).open(message)? {
            Opening::Open => self.members[index].open = true,
            Opening::Waiting => {}
            Opening::Say(text) => self.say(index, Kind::Text, text)?,
        }
        Ok(())
    }

    fn frame(
        &mut self,
        index: usize,
        kind: Kind,
        payload: &[u8],
        take: &mut impl FnMut(usize, Said<'_>, &[u8]) -> Result<(), Wrong>,
    ) -> Result<(), Wrong> {
        match kind {
            Kind::Text if !self.members[index].open => self.opening(index, Some(payload)),
            Kind::Text => match self.wire(index).read(payload)? {
                Incoming::Said(said, data) => take(index, said, data),
                Incoming::Answer(text) => self.say(index, Kind::Text, text),
            },
            Kind::Ping => self.say(index, Kind::Pong, payload),
            Kind::Pong => Ok(()),
            Kind::Close => Err(Wrong(format!("connection {index} was closed: {payload:?}"))),
        }
    }

    fn say(&mut self, index: usize, kind: Kind, payload: &[u8]) -> Result<(), Wrong> {
        frame::write(&mut self.members[index].out, kind, Some([0; 4]), payload);
        self.flush(index)
    }

    /// Closes all as RFC 6455 §7 has it: each says so and waits for the answer.
    ///
    /// # Errors
    ///
    /// When an answer does not come.
    pub fn close(self) -> Result<(), Wrong> {
        let all = self.members.len();
        self.part(all)
    }

    /// Closes the first of them so; the others are cut off.
    ///
    /// # Errors
    ///
    /// When an answer does not come.
    pub fn part(mut self, first: usize) -> Result<(), Wrong> {
        for index in 0..first.min(self.members.len()) {
            self.say(index, Kind::Close, &[])?;
            let Member { stream, .. } = &mut self.members[index];
            stream.set_nonblocking(false)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            while stream.read(&mut self.read)? > 0 {}
        }
        Ok(())
    }
}

impl fmt::Debug for Crowd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Crowd").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

const READY_TEXT: &[u8] = b"\"ready\"";
/// Handshakes under way at once: below the backlog every server has.
const AT_ONCE: usize = 100;

/// Every loopback address has its own ports, so that tens of thousands of connections find one.
pub(super) fn connect_from(server: SocketAddr, index: usize) -> io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket, sockopt};
    let from = SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, 1 + u8::try_from(index % 16).unwrap_or(0)), 0);
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    // Ports are given when it connects, and the last word is a reset: nothing stays behind for a minute.
    sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
    bind(&socket, &from)?;
    connect(&socket, &server)?;
    Ok(TcpStream::from(socket))
}
