//! The envelopes the load generator speaks: a trait and a file for each.

mod plain;
mod socket_io;

use std::borrow::Cow;

pub use plain::Plain;
pub use socket_io::SocketIo;

/// One format of envelopes, as a client speaks it.
pub trait Wire: Copy {
    /// What the handshake asks for.
    fn target(self) -> &'static str;

    /// What to do with a message that came before the connection is open; the first call has none.
    ///
    /// # Errors
    ///
    /// A text for the user when the server says something else than expected.
    fn open(self, message: Option<&[u8]>) -> Result<Opening, String>;

    /// Appends the message of an event.
    fn event(self, out: &mut Vec<u8>, name: &str, data: &[u8]);

    /// Reads a message.
    ///
    /// # Errors
    ///
    /// A text for the user when it is none of this format.
    fn read(self, message: &[u8]) -> Result<Incoming<'_>, String>;
}

/// How far the opening of a connection is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Opening {
    /// Events may be sent.
    Open,
    /// A message of the server is awaited.
    Waiting,
    /// This is to be said, then a message of the server is awaited.
    Say(&'static [u8]),
}

/// What a message is.
#[derive(Debug, PartialEq)]
pub enum Incoming<'a> {
    /// An event.
    Event {
        /// Its name.
        name: Cow<'a, str>,
        /// Its data as it was written.
        data: &'a [u8],
    },
    /// Something that wants this answer.
    Answer(&'static [u8]),
}
