//! Frame headers (RFC 6455 §5.2), checked as early as their bytes are there.

use crate::protocol::deflate::RSV1;
use crate::protocol::rfc6455::OpCode;
use crate::protocol::{CloseCode, Disconnect};

/// A header that keeps to every rule that can be seen in it alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Header {
    pub(crate) fin: bool,
    pub(crate) opcode: OpCode,
    /// RFC 7692 §6: the message that begins here is compressed.
    pub(crate) compressed: bool,
    pub(crate) mask: [u8; 4],
    pub(crate) payload: u64,
    /// Bytes of the header itself.
    pub(crate) len: usize,
}

/// Result of parsing the first bytes of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Parsed {
    Header(Header),
    /// So many bytes are needed to know more.
    Requirements(usize),
}

pub(crate) fn violation(why: &'static str) -> Disconnect {
    Disconnect::new(CloseCode::PROTOCOL_ERROR, why)
}

/// Reserved bits that mean something to a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reserved {
    Nothing,
    /// RFC 7692: the first of them.
    Compression,
}

/// Reads a client's header. A wrong first byte is found without the second.
pub(crate) fn parse(bytes: &[u8], reserved: Reserved) -> Result<Parsed, Disconnect> {
    let Some(&first) = bytes.first() else { return Ok(Parsed::Requirements(2)) };
    // RFC 6455 §5.2: reserved bits mean something only where an extension was agreed on.
    if first & 0x70 != 0 && !begins_compressed(first, reserved) {
        return Err(violation("protocol error"));
    }
    let opcode = OpCode::parse(first & 0x0f).ok_or_else(|| violation("protocol error"))?;
    let fin = first & 0x80 != 0;
    // §5.5: control frames are never fragmented.
    if opcode.is_control() && !fin {
        return Err(violation("protocol error"));
    }
    let Some(&second) = bytes.get(1) else { return Ok(Parsed::Requirements(2)) };
    // §5.1: a server fails a connection whose client does not mask.
    if second & 0x80 == 0 {
        return Err(violation("protocol error"));
    }
    let short = second & 0x7f;
    // §5.5: control frames carry at most 125 bytes.
    if opcode.is_control() && short > 125 {
        return Err(violation("protocol error"));
    }
    let (extra, payload) = match short {
        126 => (2, bytes.get(2..4).map(|field| u64::from(u16::from_be_bytes([field[0], field[1]])))),
        127 => (8, long(bytes)),
        _ => (0, Some(u64::from(short))),
    };
    let Some(payload) = payload else { return Ok(Parsed::Requirements(2 + extra)) };
    // §5.2: the shortest form that holds the length, and the highest bit is zero.
    let is_minimal = match short {
        126 => payload > 125,
        127 => payload > 0xffff && payload >> 63 == 0,
        _ => true,
    };
    if !is_minimal {
        return Err(violation("protocol error"));
    }
    let len = 2 + extra + 4;
    let Some(mask) = bytes.get(len - 4..len) else { return Ok(Parsed::Requirements(len)) };
    let (compressed, mask) = (first & RSV1 != 0, [mask[0], mask[1], mask[2], mask[3]]);
    Ok(Parsed::Header(Header { fin, opcode, compressed, mask, payload, len }))
}

/// Length of the header of [`usual_text`].
pub(crate) const USUAL: usize = 6;

/// The mask and the payload of the usual frame, if the input begins with one: a whole text of at most 125 bytes that is not
/// compressed. All other frames are left to [`parse`], which reads the same of this one.
#[inline]
pub(crate) fn usual_text(input: &mut [u8]) -> Option<([u8; 4], &mut [u8])> {
    let (&mut [first, second, ref mask @ ..], body) = input.split_first_chunk_mut::<USUAL>()?;
    let len = second ^ 0x80;
    if first != 0x81 || len > 125 {
        return None;
    }
    Some((*mask, body.get_mut(..usize::from(len))?))
}

/// RFC 7692 §6.1: the bit stands on the first frame of a data message, and nowhere else.
#[cold]
fn begins_compressed(first: u8, reserved: Reserved) -> bool {
    let opcode = OpCode::parse(first & 0x0f);
    first & 0x70 == RSV1 && reserved == Reserved::Compression && matches!(opcode, Some(OpCode::Text | OpCode::Binary))
}

fn long(bytes: &[u8]) -> Option<u64> {
    let field: [u8; 8] = bytes.get(2..10)?.try_into().ok()?;
    Some(u64::from_be_bytes(field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_of_a_header_is_checked_as_soon_as_it_can_be() {
        let parse = |bytes: &[u8]| parse(bytes, Reserved::Nothing);
        let fails = |bytes: &[u8]| assert!(parse(bytes).is_err(), "{bytes:02x?}");
        let needs = |bytes: &[u8], count| assert_eq!(parse(bytes), Ok(Parsed::Requirements(count)), "{bytes:02x?}");
        fails(&[0xc1]);
        fails(&[0x83]);
        fails(&[0x8b]);
        fails(&[0x09]);
        fails(&[0x81, 0x05]);
        fails(&[0x89, 0xfe]);
        fails(&[0x81, 0xfe, 0, 125]);
        fails(&[0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);
        fails(&[0x81, 0xff, 0x80, 0, 0, 0, 0, 1, 0, 0]);
        needs(&[], 2);
        needs(&[0x81], 2);
        needs(&[0x81, 0x85, 1], 6);
        needs(&[0x81, 0xfe, 1], 4);
        needs(&[0x81, 0xfe, 1, 0], 8);
        needs(&[0x82, 0xff, 0], 10);
        let header =
            Header { fin: true, opcode: OpCode::Text, compressed: false, mask: [1, 2, 3, 4], payload: 256, len: 8 };
        assert_eq!(parse(&[0x81, 0xfe, 1, 0, 1, 2, 3, 4, 9]), Ok(Parsed::Header(header)));
    }

    #[test]
    fn the_bit_of_compression_stands_on_the_first_frame_of_a_message_only() {
        for first in 0..=255_u8 {
            let compressed = matches!(first & 0x7f, 0x41 | 0x42);
            let with = parse(&[first, 0x80, 0, 0, 0, 0], Reserved::Compression);
            let without = parse(&[first, 0x80, 0, 0, 0, 0], Reserved::Nothing);
            if compressed {
                assert!(matches!(with, Ok(Parsed::Header(header)) if header.compressed), "{first:02x}");
                assert!(without.is_err(), "{first:02x}");
            } else {
                assert_eq!(with, without, "{first:02x}");
                assert!(with.is_err() || first & 0x70 == 0, "{first:02x}");
            }
        }
    }
}
