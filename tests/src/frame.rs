//! One frame of RFC 6455 §5.2, right or wrong.

/// Opcode of a frame (RFC 6455 §5.2), numbers without a meaning included.
pub type Opcode = u8;

/// A client's frame; masked, final and with its true length unless told otherwise.
#[derive(Clone, Debug)]
#[must_use]
pub struct Frame {
    opcode: Opcode,
    payload: Vec<u8>,
    last: bool,
    reserved: u8,
    mask: Option<[u8; 4]>,
    declared: Option<u64>,
}

impl Frame {
    /// The rest of a fragmented message.
    pub const CONTINUATION: Opcode = 0x0;
    /// A text message or its first fragment.
    pub const TEXT: Opcode = 0x1;
    /// A binary message or its first fragment.
    pub const BINARY: Opcode = 0x2;
    /// The closing handshake.
    pub const CLOSE: Opcode = 0x8;
    /// A sign of life that wants an answer.
    pub const PING: Opcode = 0x9;
    /// The answer to a ping.
    pub const PONG: Opcode = 0xA;

    /// A frame of any kind.
    pub fn new(opcode: Opcode, payload: impl Into<Vec<u8>>) -> Self {
        let mask = Some([0x37, 0xFA, 0x21, 0x3D]);
        Self { opcode, payload: payload.into(), last: true, reserved: 0, mask, declared: None }
    }

    /// A whole text message.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::new(Self::TEXT, text)
    }

    /// A close frame with a code.
    pub fn close(code: u16, reason: impl AsRef<[u8]>) -> Self {
        Self::new(Self::CLOSE, [&code.to_be_bytes(), reason.as_ref()].concat())
    }

    /// More fragments follow.
    pub fn not_last(self) -> Self {
        Self { last: false, ..self }
    }

    /// Sets reserved bits: 4 is RSV1, 2 is RSV2, 1 is RSV3.
    pub fn reserved(self, bits: u8) -> Self {
        Self { reserved: bits, ..self }
    }

    /// Sends the payload as it is, which only a server may do.
    pub fn unmasked(self) -> Self {
        Self { mask: None, ..self }
    }

    /// Announces another length than the payload has.
    pub fn declaring(self, length: u64) -> Self {
        Self { declared: Some(length), ..self }
    }

    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.last) << 7 | self.reserved << 4 | self.opcode];
        let masked = u8::from(self.mask.is_some()) << 7;
        let length = self.declared.unwrap_or(self.payload.len() as u64);
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short @ 0..=125), _) => bytes.push(masked | short),
            (_, Ok(medium)) => {
                bytes.push(masked | 0x7E);
                bytes.extend(medium.to_be_bytes());
            }
            (_, Err(_)) => {
                bytes.push(masked | 0x7F);
                bytes.extend(length.to_be_bytes());
            }
        }
        let mask = self.mask.unwrap_or_default();
        bytes.extend(self.mask.iter().flatten());
        bytes.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_looks_like_the_examples_of_the_specification() {
        // RFC 6455 §5.7.
        let unmasked = Frame::text("Hello").unmasked().bytes();
        assert_eq!(unmasked, [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F]);
        let masked = Frame::text("Hello").bytes();
        assert_eq!(masked, [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58]);
        assert_eq!(Frame::new(Frame::BINARY, vec![0; 256]).unmasked().bytes()[..4], [0x82, 0x7E, 1, 0]);
        let large = Frame::new(Frame::BINARY, vec![0; 65536]).unmasked().bytes();
        assert_eq!(large[..10], [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
