//! Time until the next attempt.

use std::time::Duration;

/// Attempts since the server accepted the client, and the wait before the next.
#[derive(Debug)]
pub(super) struct Backoff {
    pub(super) attempt: u32,
    base: Duration,
    cap: Duration,
}

impl Backoff {
    pub(super) fn new(base: Duration, cap: Duration) -> Self {
        Self { attempt: 0, base, cap }
    }

    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }

    /// Returns the wait before the next attempt after a loss: the pause that the server asks for, and full jitter, so that clients that
    /// a restart disconnected together do not reconnect together. `chance` is from 0 to 1.
    pub(super) fn next(&mut self, pause: Duration, chance: f64) -> Duration {
        let bound = self.base.saturating_mul(2_u32.saturating_pow(self.attempt)).min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        pause + bound.mul_f64(chance.clamp(0.0, 1.0))
    }
}

/// Returns a random number from 0 to 1.
pub(super) fn chance() -> f64 {
    // Without a random source there is no jitter, which harms no single client.
    f64::from(getrandom::u32().unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_its_cap_and_begins_again() {
        let millis = Duration::from_millis;
        let mut backoff = Backoff::new(millis(500), millis(4_000));
        for expected in [250, 500, 1_000, 2_000, 2_000] {
            assert_eq!(backoff.next(Duration::ZERO, 0.5), millis(expected));
        }
        backoff.reset();
        assert_eq!(backoff.next(millis(3_000), 0.0), millis(3_000));
        assert_eq!(backoff.next(millis(3_000), 1.0), millis(4_000));
        backoff.attempt = u32::MAX;
        assert_eq!(backoff.next(Duration::ZERO, 1.0), millis(4_000));
    }
}
