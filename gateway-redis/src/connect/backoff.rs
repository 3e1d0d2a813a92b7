//! Pauses between attempts to connect.

use std::time::Duration;

/// Pauses that grow from the first to the longest, each a random part of its length so that many nodes do not return at the
/// same time.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// The next pause, between a half and the whole of its length.
    pub(crate) fn pause(&mut self) -> Duration {
        let length = self.next.min(self.longest);
        self.next = (length * 2).min(self.longest);
        let part = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
        length.mul_f64(0.5 + part / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(350));
        for length in [100, 200, 350, 350] {
            let pause = backoff.pause();
            let length = Duration::from_millis(length);
            assert!((length / 2..=length).contains(&pause), "{pause:?} of {length:?}");
        }
    }
}
