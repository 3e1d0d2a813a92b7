//! Encoded frames, ready to write: header and payload in one piece.

mod spare;

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

pub(in crate::protocol) use self::spare::take_buffer;
use crate::protocol::deflate::{Deflating, deflated};
use crate::protocol::rfc6455::{LONGEST_HEADER, OpCode, frame, push_frame};

/// One or more whole frames that belong together, unshared or shared by several sockets.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    /// Frames from `start` on; the bytes before it were reserved for the longest header.
    Own { bytes: Vec<u8>, start: u32, messages: u32 },
    /// Shared frames; more than one message if a burst was merged.
    Shared { bytes: Arc<[u8]>, messages: u32 },
    /// A shared frame that replaces an older one with its key.
    Keyed(Arc<Keyed>),
}

#[derive(Debug)]
pub(crate) struct Keyed {
    bytes: Box<[u8]>,
    key: Arc<Key>,
}

/// The key of a replaceable event: its name and the sender's key, within a namespace.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Key {
    /// Hash of both texts, computed once for all sockets. Clients may choose keys, so the hash is keyed with a secret.
    hash: u64,
    event: Box<str>,
    name: Box<str>,
}

impl Key {
    pub(crate) fn new(event: &str, key: &str) -> Arc<Self> {
        static HASHES: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Arc::new(Self { hash: HASHES.hash_one((event, key)), event: event.into(), name: key.into() })
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Maximum size in bytes of merged frames: the size of one write. Larger frames are not copied.
const LONGEST_JOINED: usize = 16 * 1024;
const LONGEST_APPENDED: usize = 512;

impl Encoded {
    /// Creates a text frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn text(expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        Self::written(OpCode::Text, expected, write)
    }

    /// Creates a frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn written(opcode: OpCode, expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        frame(take_buffer(LONGEST_HEADER + expected), opcode, write).into()
    }

    /// Creates a text frame as [`Encoded::text`], followed by a binary frame for each of `parts`.
    pub(crate) fn text_and_parts(expected: usize, write: impl FnOnce(&mut Vec<u8>), parts: &[Bytes]) -> Self {
        let behind: usize = parts.iter().map(|part| LONGEST_HEADER + part.len()).sum();
        let buffer = Vec::with_capacity(LONGEST_HEADER + expected + behind);
        let (mut bytes, start) = frame(buffer, OpCode::Text, write);
        for part in parts {
            push_frame(&mut bytes, OpCode::Binary, part);
        }
        (bytes, start).into()
    }

    /// Returns both in one piece.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        [self.as_slice(), other.as_slice()].concat().into()
    }

    /// Returns no frame, for messages that a format does not send.
    pub(crate) fn nothing() -> Self {
        Vec::new().into()
    }

    /// Creates a frame of these bytes.
    pub(crate) fn frame(opcode: OpCode, payload: &[u8]) -> Self {
        Self::written(opcode, payload.len(), |out| out.extend_from_slice(payload))
    }

    /// Converts the frame into a form that is cheap to clone.
    pub(crate) fn into_shared(self) -> Self {
        match self {
            mut own @ Self::Own { .. } => {
                let shared = Self::Shared { bytes: own.as_slice().into(), messages: own.messages() };
                own.reclaim();
                shared
            }
            shared @ (Self::Shared { .. } | Self::Keyed(_)) => shared,
        }
    }

    /// Converts the frame into a form that is cheap to clone, with a key.
    pub(crate) fn into_keyed(self, key: &Arc<Key>) -> Self {
        Self::Keyed(Arc::new(Keyed { bytes: self.as_slice().into(), key: Arc::clone(key) }))
    }

    /// The frame's key, if any.
    pub(crate) fn key(&self) -> Option<&Arc<Key>> {
        match self {
            Self::Keyed(keyed) => Some(&keyed.key),
            Self::Own { .. } | Self::Shared { .. } => None,
        }
    }

    /// Returns `true` if both frames have the same key.
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        match (self.key(), other.key()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other) || one == other,
            (None, _) | (_, None) => false,
        }
    }

    /// Compresses the messages of the frames; `None` where no message becomes shorter.
    pub(crate) fn deflated(&self, how: Deflating) -> Option<Self> {
        let bytes = deflated(self.as_slice(), how)?;
        Some(match self {
            Self::Own { messages, .. } => Self::Own { bytes, start: 0, messages: *messages },
            Self::Shared { messages, .. } => Self::Shared { bytes: bytes.into(), messages: *messages },
            Self::Keyed(keyed) => Self::Keyed(Arc::new(Keyed { bytes: bytes.into(), key: Arc::clone(&keyed.key) })),
        })
    }

    /// Merges this with the frames behind it into one that is cheap to clone.
    pub(crate) fn joined(&self, behind: &Self) -> Self {
        let bytes = [self.as_slice(), behind.as_slice()].concat().into();
        Self::Shared { bytes, messages: self.messages() + behind.messages() }
    }

    /// Appends the frames behind it if both are unshared and short. Returns `true` if appended.
    #[inline]
    pub(crate) fn append(&mut self, behind: &Self) -> bool {
        match (self, behind) {
            (Self::Own { bytes, messages, .. }, Self::Own { messages: more, .. })
                if behind.len() <= LONGEST_APPENDED && bytes.len() + behind.len() <= LONGEST_JOINED =>
            {
                bytes.extend_from_slice(behind.as_slice());
                *messages += more;
                true
            }
            _ => false,
        }
    }

    /// Gives the memory of an unshared frame to the next frame of the thread. Nothing is left of the frame.
    #[inline]
    pub(crate) fn reclaim(&mut self) {
        if let Self::Own { bytes, start, .. } = self {
            *start = 0;
            spare::give_back(std::mem::take(bytes));
        }
    }

    /// Returns `true` if both are clones of one frame.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shared { bytes, .. }, Self::Shared { bytes: other, .. }) => Arc::ptr_eq(bytes, other),
            (Self::Keyed(one), Self::Keyed(other)) => Arc::ptr_eq(one, other),
            (Self::Own { .. } | Self::Shared { .. } | Self::Keyed(_), _) => false,
        }
    }

    pub(crate) fn messages(&self) -> u32 {
        match self {
            Self::Own { messages, .. } | Self::Shared { messages, .. } => *messages,
            Self::Keyed(_) => 1,
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own { bytes, start, .. } => &bytes[*start as usize..],
            Self::Shared { bytes, .. } => bytes,
            Self::Keyed(keyed) => &keyed.bytes,
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }
}

/// Converts the bytes of one message and the start of its first frame.
impl From<(Vec<u8>, u32)> for Encoded {
    fn from((bytes, start): (Vec<u8>, u32)) -> Self {
        Self::Own { bytes, start, messages: 1 }
    }
}

impl From<Vec<u8>> for Encoded {
    fn from(bytes: Vec<u8>) -> Self {
        (bytes, 0).into()
    }
}
