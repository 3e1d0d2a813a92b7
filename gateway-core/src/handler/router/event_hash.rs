//! A hash for tables whose keys are part of the program. Clients choose look-ups but never insert, so they cannot cause
//! collisions, and a fast hash of eight bytes per step suffices.

use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type BuildEventHasher = BuildHasherDefault<EventHasher>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EventHasher(u64);

/// An odd number without a pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

impl EventHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
    }
}

impl Hasher for EventHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.mix(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ bytes.len() as u64);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    /// The table also uses the high bits, which the last multiplication has mixed best.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}
