//! Kinds of frames, and results of a push.

/// Kind of a frame, which decides what happens if it does not fit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Delivery {
    /// An answer: it is queued, or the connection ends.
    Answer,
    /// An event: the overflow policy decides.
    Event,
    /// A volatile event: it is written at once or dropped.
    Volatile,
}

/// Task that a push leaves to its caller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pushed {
    /// The first frame since the last write: the caller must schedule a write.
    NeedsWrite,
    /// A write is already scheduled.
    WillBeWritten,
}

/// Extent of an end: one socket, or its connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// The socket; its connection may have others.
    Socket,
    /// The whole connection.
    Connection,
}
