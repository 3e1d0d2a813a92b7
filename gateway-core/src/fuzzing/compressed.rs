//! Compressed messages.

use http::HeaderMap;

use crate::fuzzing::{FuzzReading, read_by};
use crate::protocol::{Deflating, Encoded, FrameDecoder, Inflater, LARGEST_WINDOW, OpCode, Takeover};
use crate::transport::{Agreed, Deflate};

/// As [`read_frames`](crate::fuzzing::read_frames) on a connection that has agreed on compression, where the client keeps a
/// window of so many bits, or was asked to keep none.
#[must_use]
pub fn read_compressed_frames(
    bytes: &[u8],
    pieces: impl IntoIterator<Item = usize>,
    message_bytes: usize,
    takeover: Option<u8>,
) -> FuzzReading {
    read_by(FrameDecoder::new(message_bytes).with_inflater(Inflater::new(agreed(takeover))), bytes, pieces)
}

/// The data of messages, one after the other; none where one is no such data or has more than `most` bytes.
#[must_use]
pub fn inflate(messages: &[&[u8]], most: usize, takeover: Option<u8>) -> Option<Vec<Vec<u8>>> {
    let mut inflater = Inflater::new(agreed(takeover));
    messages.iter().map(|message| inflater.inflate(message, most).ok()).collect()
}

fn agreed(takeover: Option<u8>) -> Takeover {
    takeover.map_or(Takeover::Declined(LARGEST_WINDOW), Takeover::Kept)
}

/// A message as a server sends it that compresses whatever it can.
#[must_use]
pub fn write_compressed(message: &[u8], window: u8, level: u8) -> Vec<u8> {
    let frame = Encoded::frame(OpCode::Binary, message);
    let deflated = frame.deflated(Deflating { window, level, threshold: 0 });
    deflated.unwrap_or(frame).as_slice().to_vec()
}

/// The answer to what a client offers, where there is one.
#[must_use]
pub fn agree(headers: &HeaderMap, own: &Deflate) -> Option<String> {
    Agreed::on(headers, own)?.answer().to_str().ok().map(str::to_owned)
}
