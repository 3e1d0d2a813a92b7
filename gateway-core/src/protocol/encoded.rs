//! Frames that are ready to be written: header and payload in one piece.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use crate::protocol::deflate::{Deflating, deflated};
use crate::protocol::rfc6455::{LONGEST_HEADER, OpCode, frame, push_frame};

/// Whole frames that belong together, nearly always one: of one socket, or shared by all that get them.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    /// The first frame is what comes from `start` on; room for the longest header was left before its payload was known.
    Own { bytes: Vec<u8>, start: u32, messages: u32 },
    /// More than one message where a burst was joined.
    Shared { bytes: Arc<[u8]>, messages: u32 },
    /// Shared too; of those of one key only the latest is worth sending.
    Keyed(Arc<Keyed>),
}

#[derive(Debug)]
pub(crate) struct Keyed {
    bytes: Box<[u8]>,
    key: Arc<Key>,
}

/// Key of an event of which only the latest counts: its name and the key given by the sender, within a namespace.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Key {
    /// Of both texts, made once for all sockets. Keys may be a client's choice, so it has a secret.
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

/// Longest piece that frames are joined into, in bytes: the size of one write. Larger frames are better left where they
/// are.
const LONGEST_JOINED: usize = 16 * 1024;
const LONGEST_APPENDED: usize = 512;

impl Encoded {
    /// A text frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn text(expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        Self::written(OpCode::Text, expected, write)
    }

    /// A frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn written(opcode: OpCode, expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        frame(opcode, expected, write).into()
    }

    /// A text frame as [`Encoded::text`] has it, and behind it a binary one for each of `parts`.
    pub(crate) fn text_and_parts(expected: usize, write: impl FnOnce(&mut Vec<u8>), parts: &[Bytes]) -> Self {
        let behind: usize = parts.iter().map(|part| LONGEST_HEADER + part.len()).sum();
        let (mut bytes, start) = frame(OpCode::Text, expected + behind, write);
        for part in parts {
            push_frame(&mut bytes, OpCode::Binary, part);
        }
        (bytes, start).into()
    }

    /// Both, in one piece.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        [self.as_slice(), other.as_slice()].concat().into()
    }

    /// No frame: a format need not say everything.
    pub(crate) fn nothing() -> Self {
        Vec::new().into()
    }

    /// A frame of these bytes.
    pub(crate) fn frame(opcode: OpCode, payload: &[u8]) -> Self {
        frame(opcode, payload.len(), |out| out.extend_from_slice(payload)).into()
    }

    /// Turns the frame into a form that is cheap to clone.
    pub(crate) fn into_shared(self) -> Self {
        match self {
            own @ Self::Own { .. } => Self::Shared { bytes: own.as_slice().into(), messages: own.messages() },
            shared @ (Self::Shared { .. } | Self::Keyed(_)) => shared,
        }
    }

    /// Turns the frame into a form that is cheap to clone, as the latest of its key.
    pub(crate) fn into_keyed(self, key: &Arc<Key>) -> Self {
        Self::Keyed(Arc::new(Keyed { bytes: self.as_slice().into(), key: Arc::clone(key) }))
    }

    /// Key of which the frame is the latest, if it has one.
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

    /// This and what comes behind it as one, cheap to clone.
    pub(crate) fn joined(&self, behind: &Self) -> Self {
        let bytes = [self.as_slice(), behind.as_slice()].concat().into();
        Self::Shared { bytes, messages: self.messages() + behind.messages() }
    }

    /// Copies what comes behind it to its end, where both are of one socket and little. Says whether it did.
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

/// One message: its bytes, and where its first frame starts.
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
