//! Decoder of a client's bytes, split anywhere, into messages. A complete message is borrowed from the read buffer; only
//! incomplete ones are copied.

use std::mem;

use crate::protocol::deflate::{Inflater, give_back, longest_deflated};
use crate::protocol::rfc6455::OpCode;
use crate::protocol::rfc6455::header::{self, Header, Parsed, Reserved, violation};
use crate::protocol::rfc6455::mask::unmask;
use crate::protocol::{CloseCode, Disconnect};

/// Maximum number of fragments per message besides one per 32 bytes: fewer would fail legitimate clients that stream small
/// pieces, more would let empty fragments waste the server's time.
const FREE_FRAGMENTS: usize = 1024;

/// A message or control frame.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum ReceivedMessage<'a> {
    Text(&'a str),
    Binary(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    /// A close frame; `None` without a code.
    Close(Option<Disconnect>),
}

/// Decision of a message's receiver: continue, or pause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Flow {
    Continue,
    /// Pause: the rest of the input stays with the caller.
    Pause,
}

/// The frame decoder of a connection.
#[derive(Debug)]
pub(crate) struct FrameDecoder {
    message_bytes: usize,
    /// The beginning of a header, or of a control frame; at most 131 bytes.
    beginning: Vec<u8>,
    /// The incomplete data frame.
    frame: Option<(Header, usize)>,
    message: Option<FragmentAssembly>,
    /// Number of assemblies, so that a deadline belongs to one of them.
    assemblies: u64,
    closed: bool,
    /// Present if compression was negotiated.
    inflater: Option<Box<Inflater>>,
}

/// An incomplete message.
#[derive(Debug)]
struct FragmentAssembly {
    is_text: bool,
    is_compressed: bool,
    data: Vec<u8>,
    /// Number of bytes at the front of `data` that are complete characters.
    valid: usize,
    fragments: usize,
}

impl FrameDecoder {
    pub(crate) fn new(message_bytes: usize) -> Self {
        Self {
            message_bytes,
            beginning: Vec::new(),
            frame: None,
            message: None,
            assemblies: 0,
            closed: false,
            inflater: None,
        }
    }

    /// Accepts compressed messages too.
    pub(crate) fn with_inflater(self, inflater: Inflater) -> Self {
        Self { inflater: Some(Box::new(inflater)), ..self }
    }

    /// Number of the message being assembled, if any.
    pub(crate) fn assembling(&self) -> Option<u64> {
        self.message.as_ref().map(|_| self.assemblies)
    }

    /// Decodes `input` and passes every message to `deliver` until it pauses. Returns the number of consumed bytes. Unmasks in
    /// place.
    ///
    /// # Errors
    ///
    /// The close frame for a violation. Nothing may be fed after it.
    pub(crate) fn feed(
        &mut self,
        input: &mut [u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
    ) -> Result<usize, Disconnect> {
        let mut read = 0;
        let mut flow = Flow::Continue;
        while read < input.len() && flow == Flow::Continue {
            if self.closed {
                // RFC 6455 §5.5.1: nothing counts after a close frame.
                return Ok(input.len());
            }
            let rest = &mut input[read..];
            read += if self.frame.is_some() {
                self.go_on(rest, deliver, &mut flow)?
            } else if self.beginning.is_empty() {
                self.begin(rest, deliver, &mut flow)?
            } else {
                self.complete_beginning(rest, deliver, &mut flow)?
            };
        }
        Ok(read)
    }

    /// Begins a frame at the front of `input`.
    fn begin(
        &mut self,
        input: &mut [u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
        flow: &mut Flow,
    ) -> Result<usize, Disconnect> {
        if self.message.is_none()
            && let Some((mask, payload)) = header::usual_text(input)
            && payload.len() <= self.message_bytes
        {
            unmask(payload, mask, 0);
            let text = std::str::from_utf8(payload).map_err(|_| invalid_utf8())?;
            *flow = deliver(ReceivedMessage::Text(text));
            return Ok(header::USUAL + payload.len());
        }
        let header = match self.parse(input)? {
            Parsed::Header(header) => header,
            Parsed::Requirements(_) => {
                self.beginning.extend_from_slice(input);
                return Ok(input.len());
            }
        };
        let (front, body) = input.split_at_mut(header.len);
        self.check(&header)?;
        // Checked against the limit before, so it fits.
        let payload = usize::try_from(header.payload).unwrap_or(usize::MAX);
        if let Some(payload) = body.get_mut(..payload) {
            unmask(payload, header.mask, 0);
            let read = header.len + payload.len();
            *flow = self.whole_frame(&header, payload, deliver)?;
            return Ok(read);
        }
        if header.opcode.is_control() {
            self.beginning.extend_from_slice(front);
            self.beginning.extend_from_slice(body);
            return Ok(front.len() + body.len());
        }
        self.start_assembly(&header);
        self.frame = Some((header, 0));
        Ok(header.len)
    }

    /// Completes an earlier header or control frame with bytes of `input`.
    fn complete_beginning(
        &mut self,
        input: &mut [u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
        flow: &mut Flow,
    ) -> Result<usize, Disconnect> {
        let needed = match self.parse(&self.beginning)? {
            Parsed::Requirements(needed) => needed,
            Parsed::Header(header) => header.len + usize::try_from(header.payload).unwrap_or(usize::MAX),
        };
        let taken = input.len().min(needed - self.beginning.len());
        self.beginning.extend_from_slice(&input[..taken]);
        let header = match self.parse(&self.beginning)? {
            Parsed::Header(header) => header,
            Parsed::Requirements(_) => return Ok(taken),
        };
        if header.opcode.is_control()
            && self.beginning.len() < header.len + usize::try_from(header.payload).unwrap_or(usize::MAX)
        {
            return Ok(taken);
        }
        let mut beginning = mem::take(&mut self.beginning);
        if header.opcode.is_control() || header.payload == 0 {
            self.begin(&mut beginning, deliver, flow)?;
        } else {
            self.check(&header)?;
            self.start_assembly(&header);
            self.frame = Some((header, 0));
        }
        Ok(taken)
    }

    /// Continues a data frame whose header is known.
    fn go_on(
        &mut self,
        input: &mut [u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
        flow: &mut Flow,
    ) -> Result<usize, Disconnect> {
        let (header, have) = self.frame.take().expect("the caller saw it");
        let missing = usize::try_from(header.payload).unwrap_or(usize::MAX) - have;
        let taken = input.len().min(missing);
        let part = &mut input[..taken];
        unmask(part, header.mask, have);
        self.append(part)?;
        if taken < missing {
            self.frame = Some((header, have + taken));
        } else if header.fin {
            *flow = self.finish(deliver)?;
        }
        Ok(taken)
    }

    fn parse(&self, bytes: &[u8]) -> Result<Parsed, Disconnect> {
        let reserved = if self.inflater.is_some() { Reserved::Compression } else { Reserved::Nothing };
        header::parse(bytes, reserved)
    }

    /// Checks a header against its position and the limits.
    fn check(&self, header: &Header) -> Result<(), Disconnect> {
        if header.opcode.is_control() {
            return Ok(());
        }
        // RFC 6455 §5.4: the fragments of one message are not interleaved with another's.
        if (header.opcode == OpCode::Continuation) != self.message.is_some() {
            return Err(violation("protocol error"));
        }
        let have = self.message.as_ref().map_or(0, |message| message.data.len());
        let is_compressed = self.message.as_ref().map_or(header.compressed, |message| message.is_compressed);
        let most = if is_compressed { longest_deflated(self.message_bytes) } else { self.message_bytes };
        let limit = most - have.min(most);
        if header.payload > limit as u64 {
            return Err(Disconnect::new(CloseCode::TOO_BIG, "message too big"));
        }
        let fragments = self.message.as_ref().map_or(0, |message| message.fragments);
        if fragments > FREE_FRAGMENTS + have / 32 {
            return Err(Disconnect::new(CloseCode::POLICY, "too many fragments"));
        }
        Ok(())
    }

    fn start_assembly(&mut self, header: &Header) {
        if let Some(message) = &mut self.message {
            message.fragments += 1;
        } else {
            self.assemblies += 1;
            self.message = Some(FragmentAssembly {
                is_text: header.opcode == OpCode::Text,
                is_compressed: header.compressed,
                data: Vec::new(),
                valid: 0,
                fragments: 1,
            });
        }
    }

    fn whole_frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
    ) -> Result<Flow, Disconnect> {
        if header.compressed && header.fin {
            return self.inflate(header.opcode, payload, deliver);
        }
        let received = match (header.opcode, header.fin) {
            (OpCode::Text, true) => ReceivedMessage::Text(std::str::from_utf8(payload).map_err(|_| invalid_utf8())?),
            (OpCode::Binary, true) => ReceivedMessage::Binary(payload),
            (OpCode::Ping, _) => ReceivedMessage::Ping(payload),
            (OpCode::Pong, _) => ReceivedMessage::Pong,
            (OpCode::Close, _) => {
                self.closed = true;
                ReceivedMessage::Close(read_close(payload)?)
            }
            (OpCode::Text | OpCode::Binary, false) | (OpCode::Continuation, _) => {
                self.start_assembly(header);
                self.append(payload)?;
                return if header.fin { self.finish(deliver) } else { Ok(Flow::Continue) };
            }
        };
        Ok(deliver(received))
    }

    fn append(&mut self, part: &[u8]) -> Result<(), Disconnect> {
        let message = self.message.as_mut().expect("an assembly was started for this frame");
        let needed = message.data.len() + part.len();
        if needed > message.data.capacity() {
            // Doubled, but never above the maximum size of a message.
            let room = (2 * message.data.capacity()).clamp(needed, self.message_bytes.max(needed));
            message.data.reserve_exact(room - message.data.len());
        }
        message.data.extend_from_slice(part);
        if message.is_text && !message.is_compressed {
            // RFC 6455 §8.1: fails at the first byte that cannot be UTF-8 any more, not at the end.
            match std::str::from_utf8(&message.data[message.valid..]) {
                Ok(_) => message.valid = message.data.len(),
                Err(error) if error.error_len().is_none() => message.valid += error.valid_up_to(),
                Err(_) => return Err(invalid_utf8()),
            }
        }
        Ok(())
    }

    fn finish(&mut self, deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow) -> Result<Flow, Disconnect> {
        let message = self.message.take().expect("the last frame belongs to a message");
        if message.is_compressed {
            let opcode = if message.is_text { OpCode::Text } else { OpCode::Binary };
            return self.inflate(opcode, &message.data, deliver);
        }
        if !message.is_text {
            return Ok(deliver(ReceivedMessage::Binary(&message.data)));
        }
        let text = std::str::from_utf8(&message.data).map_err(|_| invalid_utf8())?;
        Ok(deliver(ReceivedMessage::Text(text)))
    }

    /// Delivers a complete compressed message.
    #[cold]
    fn inflate(
        &mut self,
        opcode: OpCode,
        compressed: &[u8],
        deliver: &mut dyn FnMut(ReceivedMessage<'_>) -> Flow,
    ) -> Result<Flow, Disconnect> {
        let inflater = self.inflater.as_mut().expect("no frame is compressed without agreement");
        let message = inflater.inflate(compressed, self.message_bytes)?;
        let received = if opcode == OpCode::Text {
            ReceivedMessage::Text(std::str::from_utf8(&message).map_err(|_| invalid_utf8())?)
        } else {
            ReceivedMessage::Binary(&message)
        };
        let flow = deliver(received);
        give_back(message);
        Ok(flow)
    }
}

fn invalid_utf8() -> Disconnect {
    Disconnect::new(CloseCode::INVALID_UTF8, "invalid utf-8")
}

/// RFC 6455 §5.5.1: empty, or a valid code and a reason in UTF-8.
fn read_close(payload: &[u8]) -> Result<Option<Disconnect>, Disconnect> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(violation("protocol error")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !CloseCode::is_sendable(code) {
        return Err(violation("protocol error"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| invalid_utf8())?;
    Ok(Some(Disconnect::new(CloseCode::received(code), reason.to_owned())))
}

#[cfg(test)]
mod tests;
