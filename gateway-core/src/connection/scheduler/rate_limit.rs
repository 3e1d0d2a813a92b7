//! Rate limits of a client's events and pings.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::handler::{Handler, Rate};

/// The rate limits of one socket's events.
#[derive(Debug, Default)]
pub(crate) struct RateLimiter {
    /// Buckets of the rate-limited handlers that the socket has used.
    handlers: Vec<(Arc<Handler>, TokenBucket)>,
    /// Bucket of all events together.
    socket: Option<TokenBucket>,
}

/// A token bucket, stored as the time when it is full again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    full_at: Instant,
}

impl RateLimiter {
    /// Takes a token for an event of a handler; `Err` with the time until the next token.
    pub(crate) fn acquire(&mut self, handler: &Arc<Handler>, rate: Rate, now: Instant) -> Result<(), Duration> {
        let known = self.handlers.iter().position(|(known, _)| Arc::ptr_eq(known, handler));
        let index = known.unwrap_or_else(|| {
            self.handlers.push((Arc::clone(handler), TokenBucket::full(now)));
            self.handlers.len() - 1
        });
        self.handlers[index].1.acquire(rate, now)
    }

    /// Takes a token for any event.
    pub(crate) fn take_any(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.socket.get_or_insert_with(|| TokenBucket::full(now)).acquire(rate, now)
    }
}

/// Creates a rate of `events` per second.
pub(crate) fn per_second(events: NonZeroU32) -> Rate {
    Rate { events: events.get(), within: Duration::from_secs(1) }
}

/// Creates a rate of `events` per second with a burst of at least `at_once`.
pub(crate) fn per_second_with_burst(events: NonZeroU32, at_once: usize) -> Rate {
    let together = u32::try_from(at_once).unwrap_or(u32::MAX).max(events.get());
    Rate { events: together, within: Duration::from_secs(1) * together / events.get() }
}

impl TokenBucket {
    pub(crate) fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    pub(crate) fn acquire(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + rate.within / rate.events;
        let wait = (full_at - now).saturating_sub(rate.within);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_bucket_is_spent_at_once_and_fills_up_steadily() {
        let rate = Rate { events: 4, within: Duration::from_secs(1) };
        let start = Instant::now();
        let mut bucket = TokenBucket::full(start);
        let mut acquire = |milliseconds| bucket.acquire(rate, start + Duration::from_millis(milliseconds));
        let wait = |milliseconds| Err(Duration::from_millis(milliseconds));
        assert_eq!([acquire(0), acquire(0), acquire(0), acquire(0)], [Ok(()); 4]);
        assert_eq!(acquire(0), wait(250));
        assert_eq!(acquire(200), wait(50));
        assert_eq!(acquire(250), Ok(()));
        assert_eq!(acquire(250), wait(250));
        assert_eq!([acquire(750), acquire(750)], [Ok(()); 2]);
        assert_eq!(acquire(750), wait(250));
        assert_eq!([acquire(9000), acquire(9000), acquire(9000), acquire(9000)], [Ok(()); 4]);
        assert_eq!(acquire(9000), wait(250));
    }
}
