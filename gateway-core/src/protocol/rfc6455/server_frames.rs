//! Frames of the server read back: an outbox holds them as a WebSocket takes them, and whatever needs their payloads (the
//! compressor, long polling, clients in memory) reads them here.

use crate::protocol::rfc6455::OpCode;

/// One whole frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct ServerFrame<'a> {
    pub(crate) opcode: OpCode,
    pub(crate) payload: &'a [u8],
    /// Header and payload.
    pub(crate) whole: &'a [u8],
}

impl ServerFrame<'_> {
    /// The byte with the opcode, the reserved bits, and the bit of a last frame (RFC 6455 §5.2).
    pub(crate) fn first_byte(&self) -> u8 {
        self.whole[0]
    }
}

/// The whole frames at the front of some bytes. Frames of the server are never masked and never fragments.
#[derive(Debug)]
pub(crate) struct ServerFrames<'a> {
    rest: &'a [u8],
}

impl<'a> ServerFrames<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Returns the number of bytes that are not yet read: none, or the beginning of a frame.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for ServerFrames<'a> {
    type Item = ServerFrame<'a>;

    fn next(&mut self) -> Option<ServerFrame<'a>> {
        let (&[first, second], behind) = self.rest.split_first_chunk::<2>()?;
        // RFC 6455 §5.2.
        let (len, behind) = match second {
            126 => behind.split_first_chunk().map(|(len, behind)| (u64::from(u16::from_be_bytes(*len)), behind))?,
            127 => behind.split_first_chunk().map(|(len, behind)| (u64::from_be_bytes(*len), behind))?,
            short => (u64::from(short), behind),
        };
        let (payload, rest) = behind.split_at_checked(usize::try_from(len).ok()?)?;
        let opcode = OpCode::parse(first & 0x0f)?;
        let whole = &self.rest[..self.rest.len() - rest.len()];
        self.rest = rest;
        Some(ServerFrame { opcode, payload, whole })
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
                assert_eq!(ServerFrames::new(&bytes[..cut]).next(), None, "{cut} of {len}");
            }
            let mut frames = ServerFrames::new(&bytes);
            assert_eq!(frames.next(), Some(ServerFrame { opcode: OpCode::Binary, payload: &payload, whole: &bytes }));
            assert_eq!(frames.next(), None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            ServerFrames::new(&bytes).for_each(drop);
        }
    }
}
