//! Frames that are ready to be written: header and payload in one piece.

use bytes::Bytes;

use crate::wire::rfc6455::{OpCode, frame};

/// One whole frame: of one socket, or shared by all that get it.
#[derive(Clone, Debug)]
pub(crate) enum Encoded {
    /// The frame is what comes from `start` on; room for the longest header was left before its payload was known.
    Own {
        bytes: Vec<u8>,
        start: usize,
    },
    Shared(Bytes),
}

impl Encoded {
    /// A text frame whose payload, of about `expected` bytes, is written by `write`.
    pub(crate) fn text(expected: usize, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        let (bytes, start) = frame(OpCode::Text, expected, write);
        Self::Own { bytes, start }
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
