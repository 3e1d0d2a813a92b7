//! Lines over TCP and Unix sockets, and their first.

use crate::fuzzing::{FuzzReading, Read};
use crate::protocol::{
    Disconnect, EncodeContext, FirstMessage, Flow, FoundFirst, Framing, LineDecoder, MsgpackLimits, Outgoing,
    WireFormat, find_first,
};

const LIMITS: MsgpackLimits = MsgpackLimits { depth: 128, attachments: 10 };

/// A first message that was found.
#[derive(Debug, Eq, PartialEq)]
pub enum FuzzFirst {
    /// More bytes are needed.
    Incomplete,
    /// A refusal, with its text.
    Refused(String),
    /// The namespace's path, and the number of bytes up to the end of the message.
    Found(String, usize),
}

/// Feeds `bytes` in pieces of these sizes, what is behind the last in one, and then the end of the stream. `is_packed` is
/// `MessagePack` behind its length, otherwise lines of JSON.
#[must_use]
pub fn read_lines(
    bytes: &[u8],
    pieces: impl IntoIterator<Item = usize>,
    message_bytes: usize,
    is_packed: bool,
) -> FuzzReading {
    let framing = if is_packed { Framing::Packed(LIMITS) } else { Framing::Lines };
    let mut decoder = LineDecoder::new(framing, message_bytes);
    let mut messages = Vec::new();
    let failed = feed(&mut decoder, bytes, pieces, &mut messages).err();
    FuzzReading { messages, failed: failed.map(|violation| violation.code.as_u16()) }
}

fn feed(
    decoder: &mut LineDecoder,
    bytes: &[u8],
    pieces: impl IntoIterator<Item = usize>,
    messages: &mut Vec<Read>,
) -> Result<(), Disconnect> {
    let mut pieces = pieces.into_iter();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(pieces.next().unwrap_or(usize::MAX).clamp(1, rest.len()));
        rest = behind;
        let read = decoder.feed(piece, &mut |received| {
            messages.push(Read::from(received));
            Flow::Continue
        })?;
        assert_eq!(read, piece.len(), "nothing is left where nothing pauses");
    }
    decoder.finish(&mut |received| {
        messages.push(Read::from(received));
        Flow::Continue
    })
}

/// Looks for the first message in `bytes`, of which `searched` were looked at before.
#[must_use]
pub fn read_first(bytes: &[u8], searched: usize, most: usize) -> FuzzFirst {
    let (first, end) = match find_first(bytes, searched, most) {
        Err(text) => return FuzzFirst::Refused(text.into_owned()),
        Ok(FoundFirst::Not) => return FuzzFirst::Incomplete,
        Ok(FoundFirst::Line { start, end, taken }) => (FirstMessage::from_line(&bytes[start..end]), taken),
        Ok(FoundFirst::Packed { start, end }) => (FirstMessage::from_packed(&bytes[start..end], LIMITS), end),
    };
    first.map_or_else(|text| FuzzFirst::Refused(text.into_owned()), |first| FuzzFirst::Found(first.path, end))
}

/// The line of an event with this JSON as its data.
#[must_use]
pub fn write_line(event: &str, json: &str) -> Vec<u8> {
    let outgoing = Outgoing::Event { event, content: json.into(), offset: None };
    WireFormat::Lines.encode(EncodeContext::new("/"), &outgoing).as_slice().to_vec()
}
