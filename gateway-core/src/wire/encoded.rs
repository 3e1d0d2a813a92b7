//! Frames that are ready to be written: header and payload in one piece.

use bytes::Bytes;

use crate::wire::rfc6455::{LONGEST_HEADER, OpCode, frame, push_frame};

/// Whole frames that belong together, nearly always one: of one socket, or shared by all that get them.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    /// The first frame is what comes from `start` on; room for the longest header was left before its payload was known.
    Own {
        bytes: Vec<u8>,
        start: usize,
    },
    Shared(Bytes),
}

impl Encoded {
    /// A text frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn text(expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        Self::written(OpCode::Text, expected, write)
    }

    /// A frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn written(opcode: OpCode, expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (bytes, start) = frame(opcode, expected, write);
        Self::Own { bytes, start }
    }

    /// A text frame as [`Encoded::text`] has it, and behind it a binary one for each of `parts`.
    pub(crate) fn text_and_parts(expected: usize, write: impl FnOnce(&mut Vec<u8>), parts: &[Bytes]) -> Self {
        let behind: usize = parts.iter().map(|part| LONGEST_HEADER + part.len()).sum();
        let (mut bytes, start) = frame(OpCode::Text, expected + behind, write);
        for part in parts {
            push_frame(&mut bytes, OpCode::Binary, part);
        }
        Self::Own { bytes, start }
    }

    /// Both, in one piece.
    pub(crate) fn followed_by(&self, other: &Self) -> Self {
        Self::Own { bytes: [self.as_slice(), other.as_slice()].concat(), start: 0 }
    }

    /// No frame: a format need not say everything.
    pub(crate) fn nothing() -> Self {
        Self::Own { bytes: Vec::new(), start: 0 }
    }

    /// A frame of these bytes.
    pub(crate) fn frame(opcode: OpCode, payload: &[u8]) -> Self {
        let (bytes, start) = frame(opcode, payload.len(), |out| out.extend_from_slice(payload));
        Self::Own { bytes, start }
    }

    /// The same frame, cheap to clone.
    pub(crate) fn into_shared(self) -> Self {
        match self {
            Self::Own { bytes, start } => Self::Shared(Bytes::from(bytes).slice(start..)),
            shared @ Self::Shared(_) => shared,
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Own { bytes, start } => &bytes[*start..],
            Self::Shared(bytes) => bytes,
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }
}
