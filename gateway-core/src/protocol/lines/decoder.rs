//! Decoder of a client's bytes, split anywhere, into messages. A message that came whole is borrowed from the read buffer; only
//! the beginning of one that did not is copied.

use std::mem;

use crate::protocol::lines::control::read_control;
use crate::protocol::msgpack::{MsgpackLimits, MsgpackReader};
use crate::protocol::{CloseCode, Disconnect, Flow, ReceivedMessage};

/// Bytes of the length in front of a message in `MessagePack`: an unsigned integer, the most significant byte first.
pub(super) const LENGTH: usize = 4;
/// Bytes that are searched at once for the end of a line.
const SEARCHED: usize = 64;

/// Framing of messages on a stream of bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    /// One JSON object a line. A line ends with `\n` or `\r\n`.
    Lines,
    /// One map of `MessagePack` behind its length.
    Packed(MsgpackLimits),
}

/// The decoder of a connection.
#[derive(Debug)]
pub(crate) struct LineDecoder {
    framing: Framing,
    message_bytes: usize,
    /// The beginning of a message that is not whole.
    partial: Vec<u8>,
    /// Number of messages that did not come whole, so that a deadline belongs to one of them.
    assemblies: u64,
}

type MessageSink<'a> = dyn FnMut(ReceivedMessage<'_>) -> Flow + 'a;

impl LineDecoder {
    pub(crate) fn new(framing: Framing, message_bytes: usize) -> Self {
        Self { framing, message_bytes, partial: Vec::new(), assemblies: 0 }
    }

    /// Passes on the whole messages in `bytes` until the receiver pauses. Returns the number of bytes taken: all of them,
    /// unless the receiver paused.
    ///
    /// # Errors
    ///
    /// The close of a client that sent too long a message; nothing more may be fed then.
    pub(crate) fn feed(&mut self, bytes: &[u8], deliver: &mut MessageSink<'_>) -> Result<usize, Disconnect> {
        match self.framing {
            Framing::Lines => self.feed_lines(bytes, deliver),
            Framing::Packed(limits) => self.feed_packed(bytes, limits, deliver),
        }
    }

    /// Notes the end of the client's bytes. A last line needs no line feed: an object that was cut off is not well-formed.
    ///
    /// # Errors
    ///
    /// As [`LineDecoder::feed`]; also the end within a message of `MessagePack`.
    pub(crate) fn finish(&mut self, deliver: &mut MessageSink<'_>) -> Result<(), Disconnect> {
        let partial = mem::take(&mut self.partial);
        if partial.is_empty() {
            return Ok(());
        }
        match self.framing {
            Framing::Lines => self.line(&partial, deliver).map(drop),
            Framing::Packed(_) => {
                Err(Disconnect::new(CloseCode::PROTOCOL_ERROR, "the connection ended within a message"))
            }
        }
    }

    /// Number of the message being assembled, if any.
    pub(crate) fn assembling(&self) -> Option<u64> {
        (!self.partial.is_empty()).then_some(self.assemblies)
    }

    fn feed_lines(&mut self, bytes: &[u8], deliver: &mut MessageSink<'_>) -> Result<usize, Disconnect> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let Some(end) = line_feed(rest) else {
                self.keep(rest)?;
                return Ok(bytes.len());
            };
            at += end + 1;
            let flow = if self.partial.is_empty() {
                self.line(&rest[..end], deliver)?
            } else {
                self.keep(&rest[..end])?;
                let partial = mem::take(&mut self.partial);
                self.line(&partial, deliver)?
            };
            if flow == Flow::Pause {
                break;
            }
        }
        Ok(at)
    }

    fn feed_packed(
        &mut self,
        bytes: &[u8],
        limits: MsgpackLimits,
        deliver: &mut MessageSink<'_>,
    ) -> Result<usize, Disconnect> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            let flow = if let Some(message) = self.whole(rest)? {
                at += LENGTH + message.len();
                packed(message, limits, deliver)?
            } else {
                let missing = self.missing(&self.partial)?.min(rest.len());
                self.keep_unchecked(&rest[..missing]);
                at += missing;
                if self.missing(&self.partial)? > 0 {
                    continue;
                }
                let partial = mem::take(&mut self.partial);
                packed(&partial[LENGTH..], limits, deliver)?
            };
            if flow == Flow::Pause {
                break;
            }
        }
        Ok(at)
    }

    /// The message at the front of `bytes`, if all of it is there and nothing of it came before.
    fn whole<'a>(&self, bytes: &'a [u8]) -> Result<Option<&'a [u8]>, Disconnect> {
        if !self.partial.is_empty() || self.missing(&bytes[..bytes.len().min(LENGTH)])? > bytes.len() {
            return Ok(None);
        }
        let Some((length, behind)) = bytes.split_first_chunk::<LENGTH>() else { return Ok(None) };
        Ok(behind.get(..u32::from_be_bytes(*length) as usize))
    }

    /// Number of bytes that are missing behind `beginning`: of the length, or of the message.
    fn missing(&self, beginning: &[u8]) -> Result<usize, Disconnect> {
        let Some((length, behind)) = beginning.split_first_chunk::<LENGTH>() else {
            return Ok(LENGTH - beginning.len());
        };
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.message_bytes {
            return Err(self.too_big());
        }
        Ok(length - behind.len())
    }

    fn line(&self, line: &[u8], deliver: &mut MessageSink<'_>) -> Result<Flow, Disconnect> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.message_bytes {
            return Err(self.too_big());
        }
        if line.trim_ascii().is_empty() {
            // A sign of life.
            return Ok(deliver(ReceivedMessage::Pong));
        }
        let received = match std::str::from_utf8(line) {
            Ok(text) => read_control(text)?.unwrap_or(ReceivedMessage::Text(text)),
            Err(_) => ReceivedMessage::Binary(line),
        };
        Ok(deliver(received))
    }

    fn keep(&mut self, beginning: &[u8]) -> Result<(), Disconnect> {
        // The carriage return does not count.
        if self.partial.len() + beginning.len() > self.message_bytes + 1 {
            return Err(self.too_big());
        }
        self.keep_unchecked(beginning);
        Ok(())
    }

    fn keep_unchecked(&mut self, beginning: &[u8]) {
        if self.partial.is_empty() {
            self.assemblies += 1;
        }
        self.partial.extend_from_slice(beginning);
    }

    fn too_big(&self) -> Disconnect {
        let unit = match self.framing {
            Framing::Lines => "line",
            Framing::Packed(_) => "message",
        };
        Disconnect::new(CloseCode::TOO_BIG, format!("a {unit} has more than {} bytes", self.message_bytes))
    }
}

/// Position of the first line feed. Blocks are searched as a whole first, with several bytes in one instruction.
#[inline]
pub(super) fn line_feed(bytes: &[u8]) -> Option<usize> {
    let block = bytes.chunks(SEARCHED).position(|block| block.contains(&b'\n'))? * SEARCHED;
    bytes[block..].iter().position(|&byte| byte == b'\n').map(|end| block + end)
}

fn packed(message: &[u8], limits: MsgpackLimits, deliver: &mut MessageSink<'_>) -> Result<Flow, Disconnect> {
    if message.is_empty() {
        // A sign of life.
        return Ok(deliver(ReceivedMessage::Pong));
    }
    if is_control(message)
        && let Ok((json, _)) = MsgpackReader::new(message, limits).json()
        && let Some(received) = read_control(&json)?
    {
        return Ok(deliver(received));
    }
    Ok(deliver(ReceivedMessage::Binary(message)))
}

/// Returns `true` if the first member of a map may be `ping`, `pong` or `close`.
fn is_control(message: &[u8]) -> bool {
    match message {
        // A map of up to 15 members, and a text of up to 31 bytes.
        [0x81..=0x8f, 0xa4 | 0xa5, name @ ..] => {
            name.starts_with(b"ping") || name.starts_with(b"pong") || name.starts_with(b"close")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
