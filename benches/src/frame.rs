//! RFC 6455 frames as a client and as the floor need them: whole text messages, no extensions.

use std::ops::Range;

/// Kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole text message.
    Text,
    /// The end.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

/// One frame at the start of some bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Kind of the frame.
    pub kind: Kind,
    /// Where its payload is.
    pub payload: Range<usize>,
    /// The key its payload is masked with.
    pub mask: Option<[u8; 4]>,
}

/// Bytes that are no frame as this module knows them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unknown(pub u8);

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;
/// RFC 6455 §5.2: the length stands in the next two or eight bytes.
const TWO_BYTES: u8 = 0x7e;
const EIGHT_BYTES: u8 = 0x7f;

/// Reads one frame; `None` while it is not all there.
///
/// # Errors
///
/// [`Unknown`] for fragments, binary messages and reserved bits.
pub fn read(bytes: &[u8]) -> Result<Option<Frame>, Unknown> {
    let [first, second, ..] = *bytes else { return Ok(None) };
    let kind = match first {
        0x81 => Kind::Text,
        0x88 => Kind::Close,
        0x89 => Kind::Ping,
        0x8a => Kind::Pong,
        other => return Err(Unknown(other)),
    };
    let (length, mut at) = match (second & !MASKED, bytes.get(2..10)) {
        (TWO_BYTES, _) if bytes.len() < 4 => return Ok(None),
        (TWO_BYTES, _) => (usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), 4),
        (EIGHT_BYTES, None) => return Ok(None),
        (EIGHT_BYTES, Some(eight)) => (eight.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), 10),
        (short, _) => (usize::from(short), 2),
    };
    let mut mask = None;
    if second & MASKED != 0 {
        let Some(key) = bytes.get(at..at + 4) else { return Ok(None) };
        mask = Some([key[0], key[1], key[2], key[3]]);
        at += 4;
    }
    let frame = Frame { kind, payload: at..at + length, mask };
    Ok((bytes.len() >= at + length).then_some(frame))
}

/// Appends a frame; with a key its payload is masked.
pub fn write(out: &mut Vec<u8>, kind: Kind, mask: Option<[u8; 4]>, payload: &[u8]) {
    let masked = if mask.is_some() { MASKED } else { 0 };
    let opcode = match kind {
        Kind::Text => 1,
        Kind::Close => 8,
        Kind::Ping => 9,
        Kind::Pong => 10,
    };
    out.push(FINAL | opcode);
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(short @ 0..126), _) => out.push(masked | short),
        (_, Ok(middle)) => {
            out.push(masked | TWO_BYTES);
            out.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            out.push(masked | EIGHT_BYTES);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask.unwrap_or_default()[..if mask.is_some() { 4 } else { 0 }]);
    let start = out.len();
    out.extend_from_slice(payload);
    if let Some(key) = mask {
        apply(key, &mut out[start..]);
    }
}

/// Masks or unmasks, eight bytes at a time.
pub fn apply(key: [u8; 4], payload: &mut [u8]) {
    let twice = u64::from_ne_bytes([key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]]);
    let (eights, rest) = payload.as_chunks_mut::<8>();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ twice).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, apply, read, write};

    fn check(length: usize, mask: Option<[u8; 4]>) {
        let payload: Vec<u8> = (0..=255_u8).cycle().take(length).collect();
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Text, mask, &payload);
        for cut in [0, 1, 2, bytes.len() - 1] {
            if cut < bytes.len() {
                assert_eq!(read(&bytes[..cut]), Ok(None));
            }
        }
        let frame = read(&bytes).unwrap().unwrap();
        assert_eq!((frame.kind, frame.mask, frame.payload.end), (Kind::Text, mask, bytes.len()));
        let mut read = bytes[frame.payload].to_vec();
        apply(frame.mask.unwrap_or_default(), &mut read);
        assert_eq!(read, payload);
    }

    #[test]
    fn what_is_written_is_read() {
        for length in [0, 1, 7, 8, 125, 126, 127, 65_535, 65_536] {
            check(length, None);
            check(length, Some([1, 2, 3, 0xff]));
        }
    }
}
