//! Socket.IO over long polling: each session posts a message and polls for its echo, two requests for each.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::payload::{Payload, Shape};
use crate::process::Process;
use crate::wire::{Incoming, Opening, Said, SocketIo, Wire};

use super::crowd::{PATIENCE, connect_from};
use super::echo::expect;
use super::window::Watch;
use super::{Measured, Window, Wrong};

/// The echo over long polling.
#[derive(Clone, Copy, Debug)]
pub struct Polling {
    /// Payload.
    pub shape: Shape,
    /// Sessions, each with one message in flight.
    pub sessions: usize,
}

impl Polling {
    /// Runs for the window, then waits for all that is in flight and looks that nothing else comes.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, server: SocketAddr, process: Process, window: Window) -> Result<Measured, Wrong> {
        let open = |index| Session::open(server, Payload::new(self.shape, index), index);
        let mut sessions = (0..self.sessions).map(open).collect::<Result<Vec<_>, _>>()?;
        let mut watch = Watch::new(process, window);
        let mut answers = 0;
        let mut heard = Instant::now();
        let measured = loop {
            let before = answers;
            for session in &mut sessions {
                session.say()?;
                answers += session.turn()?;
            }
            look_for_silence(&mut heard, before < answers)?;
            if let Some(measured) = watch.look(answers)? {
                break measured;
            }
        };
        while sessions.iter().any(Session::is_waiting) {
            let heard_some = sessions.iter_mut().map(Session::turn).sum::<Result<u64, _>>()? > 0;
            look_for_silence(&mut heard, heard_some)?;
        }
        let end = Instant::now() + Duration::from_millis(50);
        while Instant::now() < end {
            sessions.iter_mut().try_for_each(|session| session.turn().map(drop))?;
        }
        Ok(measured)
    }
}

fn look_for_silence(heard: &mut Instant, heard_some: bool) -> Result<(), Wrong> {
    if heard_some {
        *heard = Instant::now();
    }
    if heard.elapsed() > PATIENCE {
        Err(Wrong("no answer for too long: something was lost".to_owned()))
    } else {
        Ok(())
    }
}

/// One client: what it posts goes one way, what it polls for comes by another.
struct Session {
    posts: Http,
    polls: Http,
    path: String,
    payload: Payload,
    sent: u64,
    heard: u64,
    owes_pong: bool,
}

impl Session {
    fn open(server: SocketAddr, payload: Payload, index: usize) -> Result<Self, Wrong> {
        let connect = || -> Result<Http, Wrong> {
            let stream = connect_from(server, index)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(Http { stream, read: Vec::new(), is_asked: false })
        };
        let path = "/socket.io/?EIO=4&transport=polling".to_owned();
        let mut session =
            Self { posts: connect()?, polls: connect()?, path, payload, sent: 0, heard: 0, owes_pong: false };
        session.polls.ask("GET", &session.path, b"")?;
        let packet = session.polls.awaited()?;
        let id = packet.split_once(r#""sid":""#).and_then(|(_, rest)| rest.split_once('"'));
        let (id, _) = id.ok_or_else(|| Wrong(format!("no open packet: {packet}")))?;
        session.path = format!("{}&sid={id}", session.path);
        session.posts.ask("POST", &session.path, b"40")?;
        session.posts.awaited()?;
        loop {
            session.polls.ask("GET", &session.path, b"")?;
            let body = session.polls.awaited()?;
            session.owes_pong |= body.split(SEPARATOR).any(|packet| packet == "2");
            let is_open = |packet: &str| SocketIo.open(Some(packet.as_bytes())) == Ok(Opening::Open);
            if body.split(SEPARATOR).any(is_open) {
                break;
            }
        }
        session.polls.ask("GET", &session.path, b"")?;
        Ok(session)
    }

    fn is_waiting(&self) -> bool {
        self.heard < self.sent || self.posts.is_asked
    }

    /// Posts the next message once the one before was taken and has come back.
    fn say(&mut self) -> Result<(), Wrong> {
        if self.is_waiting() {
            return Ok(());
        }
        let mut body = Vec::new();
        if std::mem::take(&mut self.owes_pong) {
            body.extend_from_slice("3\u{1e}".as_bytes());
        }
        SocketIo.event(&mut body, "echo", self.payload.numbered(self.sent));
        self.sent += 1;
        self.posts.ask("POST", &self.path, &body)
    }

    /// Reads what has come, and polls again. Gives the answers among it.
    fn turn(&mut self) -> Result<u64, Wrong> {
        if let Some(body) = self.posts.answer()?.filter(|body| body != "ok") {
            return Err(Wrong(format!("a post was answered `{body}`")));
        }
        let Some(body) = self.polls.answer()? else { return Ok(0) };
        let before = self.heard;
        for packet in body.split(SEPARATOR) {
            match SocketIo.read(packet.as_bytes())? {
                Incoming::Answer(_) => self.owes_pong = true,
                Incoming::Said(..) if self.heard == self.sent => {
                    return Err(Wrong(format!("more answers than messages: {packet}")));
                }
                Incoming::Said(said, data) => {
                    expect(&mut self.payload, self.heard, (&Said::event("echo"), &said), data)?;
                    self.heard += 1;
                }
            }
        }
        self.polls.ask("GET", &self.path, b"")?;
        Ok(self.heard - before)
    }
}

const SEPARATOR: char = '\u{1e}';

/// One connection on which a request follows the answer to the one before.
struct Http {
    stream: TcpStream,
    read: Vec<u8>,
    is_asked: bool,
}

impl Http {
    fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(), Wrong> {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n").into_bytes();
        if method == "POST" {
            let head = format!("Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n", body.len());
            request.extend_from_slice(head.as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        self.is_asked = true;
        // A request is small, and nothing else is on its way: the kernel takes it whole.
        self.stream.write_all(&request).map_err(Wrong::from)
    }

    fn awaited(&mut self) -> Result<String, Wrong> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(body) = self.answer()? {
                return Ok(body);
            }
        }
        Err(Wrong("a request was not answered".to_owned()))
    }

    /// The body of an answer that is all there.
    fn answer(&mut self) -> Result<Option<String>, Wrong> {
        let mut part = [0; 4096];
        match self.stream.read(&mut part) {
            Ok(0) => return Err(Wrong("a connection was closed".to_owned())),
            Ok(count) => self.read.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let Some(head) = self.read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let text = String::from_utf8_lossy(&self.read[..head]).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let length = length.filter(|_| text.starts_with("http/1.1 200"));
        let length = length.ok_or_else(|| Wrong(format!("the answer {}", String::from_utf8_lossy(&self.read))))?;
        let (start, end) = (head + 4, head + 4 + length);
        if self.read.len() < end {
            return Ok(None);
        }
        if self.read.len() > end || !std::mem::take(&mut self.is_asked) {
            return Err(Wrong("an answer that was not asked for".to_owned()));
        }
        let body = String::from_utf8_lossy(&self.read[start..]).into_owned();
        self.read.clear();
        Ok(Some(body))
    }
}
