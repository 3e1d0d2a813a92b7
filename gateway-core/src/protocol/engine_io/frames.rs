//! Frames of the server read back: what an outbox holds is written for a WebSocket, and a peer that polls gets the same.

use crate::protocol::rfc6455::OpCode;

/// One whole frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: OpCode,
    pub(crate) payload: &'a [u8],
}

/// The whole frames at the front of some bytes. Frames of the server are never masked and never fragments.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes that are not yet read: none, or the beginning of a frame.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let (&[first, second], behind) = self.rest.split_first_chunk::<2>()?;
        // RFC 6455 §5.2.
        let (len, behind) = match second {
            126 => behind.split_first_chunk().map(|(len, behind)| (u64::from(u16::from_be_bytes(*len)), behind))?,
            127 => behind.split_first_chunk().map(|(len, behind)| (u64::from_be_bytes(*len), behind))?,
            short => (u64::from(short), behind),
        };
        let (payload, rest) = behind.split_at_checked(usize::try_from(len).ok()?)?;
        let opcode = OpCode::parse(first & 0x0f)?;
        self.rest = rest;
        Some(Frame { opcode, payload })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::Encoded;

    #[test]
    fn a_frame_is_read_once_it_is_whole() {
        for len in [0, 1, 125, 126, 0xffff, 0x1_0000] {
            let payload = vec![7; len];
            let bytes = Encoded::frame(OpCode::Binary, &payload).as_slice().to_vec();
            for cut in (0..bytes.len()).take(20).chain([bytes.len() - 1]) {
                assert_eq!(Frames::new(&bytes[..cut]).next(), None, "{cut} of {len}");
            }
            let mut frames = Frames::new(&bytes);
            assert_eq!(frames.next(), Some(Frame { opcode: OpCode::Binary, payload: &payload }));
            assert_eq!(frames.next(), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            Frames::new(&bytes).for_each(drop);
        }
    }
}
