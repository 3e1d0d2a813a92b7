//! Compression and decompression of one message (RFC 7692 §7.2).

use std::cell::{Cell, RefCell};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::protocol::deflate::{Deflating, Takeover, longest_deflated};
use crate::protocol::{CloseCode, Disconnect};

/// RFC 7692 §7.2.1: the end of every message, which is not sent.
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];
/// Maximum number of final blocks in a message (RFC 7692 §7.2.3.4). Some senders can flush only by such a block.
const MOST_ENDS: usize = 1024;
/// Number of messages without reference to earlier ones after which the client's window is no longer kept. With context
/// takeover, JSON refers to the message before it nearly always.
const PROBATION: u8 = 16;
/// Initial size in bytes of the buffer that a message is inflated into.
const FIRST_ROOM: usize = 4096;
/// A buffer larger than this is not kept for the next message.
const KEPT_BUFFER: usize = 64 * 1024;
/// Compressors of a thread: one for each window, unless servers of one process differ in their levels.
const MOST_COMPRESSORS: usize = 8;

thread_local! {
    static INFLATE: Cell<Option<Decompress>> = const { Cell::new(None) };
    static INFLATED: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static COMPRESSORS: RefCell<Vec<Compressor>> = const { RefCell::new(Vec::new()) };
}

/// Reads one client's compressed messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    referring: Referring,
    /// Size of the window in bytes.
    window: usize,
    /// The last bytes of earlier messages, if messages refer to them.
    seen: Vec<u8>,
}

/// Reference of a client's messages to earlier ones.
#[derive(Clone, Copy, Debug)]
enum Referring {
    Yes,
    /// None of so many messages has referred to an earlier one, as requested.
    NotYet(u8),
    No,
}

impl Inflater {
    pub(crate) fn new(takeover: Takeover) -> Self {
        let (referring, window) = match takeover {
            Takeover::Kept(bits) => (Referring::Yes, 1 << bits),
            Takeover::Declined(bits) => (Referring::NotYet(0), 1 << bits),
            Takeover::Never => (Referring::No, 0),
        };
        Self { referring, window, seen: Vec::new() }
    }

    /// Inflates a whole message into the thread's buffer, which the caller gives back.
    ///
    /// # Errors
    ///
    /// The close frame, if the message has more than `most` bytes or is not valid compressed data.
    pub(crate) fn inflate(&mut self, compressed: &[u8], most: usize) -> Result<Vec<u8>, Disconnect> {
        let mut out = INFLATED.take();
        let mut inflate = INFLATE.take().unwrap_or_else(|| Decompress::new(false));
        let inflated = self.run(&mut inflate, compressed, most, &mut out);
        INFLATE.set(Some(inflate));
        inflated?;
        self.remember(&out);
        Ok(out)
    }

    fn run(
        &mut self,
        inflate: &mut Decompress,
        compressed: &[u8],
        most: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Disconnect> {
        out.clear();
        inflate.reset(false);
        if !matches!(self.referring, Referring::Yes) {
            // A message without references inflates to the same bytes with and without a window.
            let alone = run(inflate, compressed, most, out);
            let is_invalid = alone.as_ref().is_err_and(|disconnect| disconnect.code == CloseCode::INVALID_UTF8);
            if self.seen.is_empty() || !is_invalid {
                return alone;
            }
            out.clear();
            inflate.reset(false);
        }
        if !self.seen.is_empty() {
            inflate.set_dictionary(&self.seen).map_err(|_| invalid())?;
        }
        run(inflate, compressed, most, out)?;
        self.referring = Referring::Yes;
        Ok(())
    }

    fn remember(&mut self, message: &[u8]) {
        match &mut self.referring {
            Referring::Yes => {}
            Referring::NotYet(messages) if *messages < PROBATION => *messages += 1,
            Referring::NotYet(_) => {
                *self = Self::new(Takeover::Never);
                return;
            }
            Referring::No => return,
        }
        let message = &message[message.len().saturating_sub(self.window)..];
        let too_many = (self.seen.len() + message.len()).saturating_sub(self.window);
        self.seen.drain(..too_many);
        self.seen.reserve_exact(message.len());
        self.seen.extend_from_slice(message);
    }
}

/// Returns a buffer to the thread, for the next message of any client.
pub(crate) fn give_back(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_BUFFER {
        INFLATED.set(buffer);
    }
}

fn invalid() -> Disconnect {
    Disconnect::new(CloseCode::INVALID_UTF8, "invalid compressed data")
}

fn run(inflate: &mut Decompress, compressed: &[u8], most: usize, out: &mut Vec<u8>) -> Result<(), Disconnect> {
    let mut ends = 0;
    for mut rest in [compressed, &TAIL] {
        loop {
            if out.len() == out.capacity() {
                let room = out.len().max(FIRST_ROOM).min((most - out.len()).saturating_add(1));
                out.reserve_exact(room);
            }
            let before = (inflate.total_in(), out.len());
            let status = inflate.decompress_vec(rest, out, FlushDecompress::Sync).map_err(|_| invalid())?;
            if out.len() > most {
                return Err(Disconnect::new(CloseCode::TOO_BIG, "message too big"));
            }
            let read = usize::try_from(inflate.total_in() - before.0).unwrap_or(usize::MAX);
            rest = &rest[read..];
            if status == Status::StreamEnd {
                ends += 1;
                if ends > MOST_ENDS {
                    return Err(invalid());
                }
                inflate.reset(false);
            } else if out.len() < out.capacity() && (rest.is_empty() || (read == 0 && out.len() == before.1)) {
                break;
            }
            if status == Status::StreamEnd && rest.is_empty() {
                break;
            }
        }
        if !rest.is_empty() {
            return Err(invalid());
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Compressor {
    window: u8,
    level: u8,
    compress: Compress,
}

/// Appends the compressed form of a message if it is shorter. Returns `true` if it was appended.
pub(super) fn deflate(payload: &[u8], how: Deflating, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.reserve(longest_deflated(payload.len()));
    let is_whole = COMPRESSORS.with_borrow_mut(|compressors| {
        let mut compressor = take(compressors, how);
        let is_whole = compress(&mut compressor.compress, payload, out);
        // A compressor left in the middle of a message panics in the next one, even after a reset.
        if is_whole {
            compressors.push(compressor);
        }
        is_whole
    });
    let is_shorter = is_whole && out[start..].ends_with(&TAIL) && out.len() - start < payload.len() + TAIL.len();
    out.truncate(if is_shorter { out.len() - TAIL.len() } else { start });
    is_shorter
}

fn take(compressors: &mut Vec<Compressor>, how: Deflating) -> Compressor {
    let Deflating { window, level, .. } = how;
    let is_it = |known: &Compressor| (known.window, known.level) == (window, level);
    if let Some(index) = compressors.iter().position(is_it) {
        return compressors.swap_remove(index);
    }
    if compressors.len() == MOST_COMPRESSORS {
        compressors.swap_remove(0);
    }
    let compress = Compress::new_with_window_bits(Compression::new(level.into()), false, window);
    Compressor { window, level, compress }
}

/// Compresses a payload. Returns `false` if `out` has no room for all of it.
fn compress(compress: &mut Compress, payload: &[u8], out: &mut Vec<u8>) -> bool {
    compress.reset();
    let is_compressed = compress.compress_vec(payload, out, FlushCompress::Sync).is_ok();
    // A flush is complete when it leaves room.
    is_compressed && usize::try_from(compress.total_in()) == Ok(payload.len()) && out.len() < out.capacity()
}

#[cfg(test)]
mod tests;
