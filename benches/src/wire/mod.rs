//! The envelopes the load generator speaks: a trait and a file for each.

mod plain;
mod socket_io;

use std::borrow::Cow;
use std::fmt;

pub use plain::Plain;
pub use socket_io::SocketIo;

/// One format of envelopes, as a client speaks it.
pub trait Wire: Sync {
    /// Target of the handshake's request.
    fn target(&self) -> &'static str;

    /// Handles a message that came before the connection is open; the first call has none.
    ///
    /// # Errors
    ///
    /// A text for the user when the server says something else than expected.
    fn open(&self, message: Option<&[u8]>) -> Result<Opening, String>;

    /// Appends the message of an event.
    fn event(&self, out: &mut Vec<u8>, name: &str, data: &[u8]);

    /// Appends the message of a request, which is answered by its id.
    fn request(&self, out: &mut Vec<u8>, name: &str, id: u64, data: &[u8]);

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// A text for the user when it is none of this format.
    fn read<'a>(&self, message: &'a [u8]) -> Result<Incoming<'a>, String>;
}

/// The formats of a run: its connections speak them in turn.
pub type Wires = &'static [&'static dyn Wire];

/// The formats by the name the command line has for them.
///
/// # Errors
///
/// A text for the user when there are none of this name.
pub fn wires(name: &str) -> Result<Wires, String> {
    match name {
        "plain" => Ok(&[&Plain]),
        "socket-io" | "polling" => Ok(&[&SocketIo]),
        "mixed" => Ok(&[&Plain, &SocketIo]),
        other => Err(format!("no such wire: {other}")),
    }
}

/// Progress of opening a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Opening {
    /// Events may be sent.
    Open,
    /// A message of the server is awaited.
    Waiting,
    /// This is to be said, then a message of the server is awaited.
    Say(&'static [u8]),
}

/// Meaning of a message.
#[derive(Debug, PartialEq)]
pub enum Incoming<'a> {
    /// Something with data, which is as it was written.
    Said(Said<'a>, &'a [u8]),
    /// Something that wants this answer.
    Answer(&'static [u8]),
}

/// Form in which data came.
#[derive(Clone, Debug, PartialEq)]
pub enum Said<'a> {
    /// An event of this name.
    Event(Cow<'a, str>),
    /// The reply to the request of this id.
    Reply(u64),
}

impl Said<'static> {
    /// An event.
    #[must_use]
    pub const fn event(name: &'static str) -> Self {
        Self::Event(Cow::Borrowed(name))
    }
}

impl fmt::Display for Said<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(name) => write!(formatter, "the event `{name}`"),
            Self::Reply(id) => write!(formatter, "the reply to {id}"),
        }
    }
}
