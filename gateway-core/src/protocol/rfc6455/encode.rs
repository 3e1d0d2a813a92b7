//! Frames of the server: whole, never masked (RFC 6455 §5.1).

use crate::protocol::{CloseCode, Disconnect, Encoded};

/// Opcode of a frame (RFC 6455 §5.2).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OpCode {
    Continuation = 0x0,
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xa,
}

impl OpCode {
    pub(crate) fn parse(bits: u8) -> Option<Self> {
        [Self::Continuation, Self::Text, Self::Binary, Self::Close, Self::Ping, Self::Pong]
            .into_iter()
            .find(|opcode| *opcode as u8 == bits)
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Bytes of the longest header of an unmasked frame.
pub(crate) const LONGEST_HEADER: usize = 10;

/// One whole frame in an empty buffer, whose payload is written by `write`: the bytes, and where in them the frame starts.
#[inline]
pub(crate) fn frame(mut bytes: Vec<u8>, opcode: OpCode, write: impl FnOnce(&mut Vec<u8>)) -> (Vec<u8>, u32) {
    bytes.extend_from_slice(&[0; LONGEST_HEADER]);
    write(&mut bytes);
    let payload = bytes.len() - LONGEST_HEADER;
    let start: u8 = match u16::try_from(payload) {
        Ok(short @ 0..=125) => {
            bytes[9] = short.to_be_bytes()[1];
            8
        }
        Ok(medium) => {
            bytes[7] = 126;
            bytes[8..10].copy_from_slice(&medium.to_be_bytes());
            6
        }
        Err(_) => {
            bytes[1] = 127;
            bytes[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
            0
        }
    };
    bytes[usize::from(start)] = 0x80 | opcode as u8;
    (bytes, start.into())
}

/// Appends one whole frame whose payload is there already.
pub(crate) fn push_frame(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8]) {
    push_header(out, 0x80 | opcode as u8, payload.len());
    out.extend_from_slice(payload);
}

/// Appends the header of a frame with so many bytes behind it.
pub(crate) fn push_header(out: &mut Vec<u8>, first: u8, payload: usize) {
    out.push(first);
    match u16::try_from(payload) {
        Ok(short @ 0..=125) => out.push(short.to_be_bytes()[1]),
        Ok(medium) => {
            out.push(126);
            out.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            out.push(127);
            out.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
}

/// A close frame (§5.5.1); an empty one where there is no code to tell.
pub(crate) fn close_frame(close: Option<&Disconnect>) -> Encoded {
    let mut payload = Vec::new();
    if let Some(close) = close.filter(|close| CloseCode::is_sendable(close.code.as_u16())) {
        payload.extend_from_slice(&close.code.as_u16().to_be_bytes());
        payload.extend_from_slice(close.wire_reason().as_bytes());
    }
    Encoded::frame(OpCode::Close, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_the_shortest_length() {
        let check = |len: usize, header: &[u8]| {
            let payload = vec![b'x'; len];
            let expected = [header, &payload].concat();
            assert_eq!(Encoded::frame(OpCode::Binary, &payload).as_slice(), expected, "{len}");
            let mut appended = Vec::new();
            push_frame(&mut appended, OpCode::Binary, &payload);
            assert_eq!(appended, expected, "{len}");
        };
        check(0, &[0x82, 0]);
        check(125, &[0x82, 125]);
        check(126, &[0x82, 126, 0, 126]);
        check(0xffff, &[0x82, 126, 0xff, 0xff]);
        check(0x1_0000, &[0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
