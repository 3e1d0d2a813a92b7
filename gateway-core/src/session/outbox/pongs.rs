//! Queued pongs.

use crate::protocol::Encoded;

/// Maximum size of queued pongs. A client that pings faster than it reads gets the first pongs and the latest.
const MOST_BYTES: usize = 4096;

/// Pong frames, back to back.
#[derive(Debug, Default)]
pub(super) struct Pongs {
    bytes: Vec<u8>,
    written: usize,
    /// Start of the latest pong.
    latest: usize,
}

impl Pongs {
    pub(super) fn push(&mut self, pong: &[u8]) {
        // RFC 6455 §5.5.3: of several pings only the latest must be answered. A partly written frame must be completed.
        if self.bytes.len() + pong.len() > MOST_BYTES && self.latest >= self.written {
            self.bytes.truncate(self.latest);
        }
        self.latest = self.bytes.len();
        self.bytes.extend_from_slice(pong);
    }

    /// Unwritten bytes.
    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.written..]
    }

    /// Notes `written` bytes as written, at most the rest.
    pub(super) fn advance(&mut self, written: usize) {
        self.written += written;
    }

    pub(super) fn into_parts(self) -> (Encoded, usize) {
        (self.bytes.into(), self.written)
    }

    pub(super) fn is_begun(&self) -> bool {
        self.written > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OpCode;

    fn pong(payload: &str) -> Vec<u8> {
        Encoded::frame(OpCode::Pong, payload.as_bytes()).as_slice().to_vec()
    }

    #[test]
    fn a_flood_is_bounded_and_its_latest_is_answered() {
        let mut pongs = Pongs::default();
        pongs.push(&pong("first"));
        pongs.advance(1);
        for _ in 0..10_000 {
            pongs.push(&pong(&"x".repeat(125)));
        }
        pongs.push(&pong("latest"));
        assert!(pongs.rest().len() <= MOST_BYTES);
        assert!(pongs.rest().starts_with(&pong("first")[1..]));
        assert!(pongs.rest().ends_with(&pong("latest")));
    }

    #[test]
    fn a_frame_that_was_begun_goes_on() {
        let mut pongs = Pongs::default();
        for _ in 0..32 {
            pongs.push(&pong(&"x".repeat(125)));
        }
        pongs.advance(pongs.rest().len() - 1);
        pongs.push(&pong(&"a".repeat(125)));
        pongs.push(&pong("b"));
        assert_eq!(pongs.rest(), [b"x".to_vec(), pong("b")].concat());
    }
}
