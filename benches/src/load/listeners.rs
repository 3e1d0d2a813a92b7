//! A fixed number of broadcasts to clients that listen by server-sent events: for counting instructions instead of time.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::payload::{Payload, Shape};
use crate::wire::Wires;

use super::crowd::PATIENCE;
use super::echo::{Way, expect};
use super::{Crowd, Wrong};

/// Broadcasts of one plain client, portion after portion, each to so many listeners; the next when all have the last.
#[derive(Clone, Copy, Debug)]
pub struct Listeners {
    /// Payload.
    pub shape: Shape,
    /// Clients that listen.
    pub listeners: usize,
    /// Broadcasts sent together.
    pub portion: u64,
}

/// A client that reads events.
struct Listener(BufReader<TcpStream>);

impl Listeners {
    /// Number of deliveries of one broadcast: its sender hears it too.
    #[must_use]
    pub fn receivers(self) -> usize {
        self.listeners + 1
    }

    /// Sends so many portions.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn run(self, wires: Wires, server: SocketAddr, portions: u64) -> Result<(), Wrong> {
        let mut crowd = Crowd::new(wires)?;
        crowd.grow(server, 1)?;
        crowd.settle()?;
        let mut listeners = (0..self.listeners).map(|_| Listener::open(server)).collect::<Result<Vec<_>, Wrong>>()?;
        let mut payload = Payload::new(self.shape, 0);
        let broadcast = Way::Event("broadcast");
        let (mut sent, mut heard) = (0, 0);
        for _ in 0..portions {
            let first = sent;
            for _ in 0..self.portion {
                broadcast.queue(&mut crowd, 0, sent, payload.numbered(sent));
                sent += 1;
            }
            crowd.flush(0)?;
            while heard < sent {
                crowd.turn(|_, said, data| {
                    expect(&mut payload, heard, (&broadcast.answer(heard), &said), data)?;
                    heard += 1;
                    Ok(())
                })?;
            }
            for listener in &mut listeners {
                for number in first..sent {
                    listener.expect("broadcast", payload.numbered(number))?;
                }
            }
        }
        Ok(())
    }
}

impl Listener {
    /// Opens a stream, and reads its beginning.
    fn open(server: SocketAddr) -> Result<Self, Wrong> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {server}\r\nAccept: text/event-stream\r\n\r\n")?;
        let mut listener = Self(BufReader::new(stream));
        while listener.line()? != "event: gateway:stream" {}
        listener.line()?;
        listener.line()?;
        Ok(listener)
    }

    /// Reads one event, which must be this one.
    fn expect(&mut self, name: &str, data: &[u8]) -> Result<(), Wrong> {
        let mut first = self.line()?;
        while first == ":" {
            // A heartbeat.
            self.line()?;
            first = self.line()?;
        }
        let (event, text, end) = (first, self.line()?, self.line()?);
        let wanted = format!("data: {}", String::from_utf8_lossy(data));
        if event == format!("event: {name}") && text == wanted && end.is_empty() {
            return Ok(());
        }
        Err(Wrong(format!("lost, doubled, altered or out of place:\n  wanted {wanted}\n  came   {event}, {text}")))
    }

    fn line(&mut self) -> Result<String, Wrong> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(Wrong("the stream ended".to_owned()));
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}
