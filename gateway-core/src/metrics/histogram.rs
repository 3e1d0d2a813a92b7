//! Histograms: observations counted in buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The buckets and the unit of a histogram.
#[derive(Debug)]
pub(crate) struct Scale {
    /// Upper bounds of the buckets, in the unit.
    bounds: &'static [f64],
    /// Factor from the unit to the integers of the sum, which many threads can add to at once.
    per: f64,
}

const NANOSECONDS: f64 = 1e9;

/// Durations from a fast handler or a local client to a handler at its timeout.
pub(crate) static SECONDS: Scale = Scale {
    bounds: &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0],
    per: NANOSECONDS,
};

/// Durations of operations that take microseconds per socket.
pub(crate) static SHORT_SECONDS: Scale = Scale {
    bounds: &[0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
    per: NANOSECONDS,
};

/// Numbers of sockets.
pub(crate) static SOCKETS: Scale =
    Scale { bounds: &[1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10_000.0, 30_000.0, 100_000.0], per: 1.0 };

/// A histogram. Written by many tasks at once; read bucket by bucket.
#[derive(Debug)]
pub(crate) struct Histogram {
    scale: &'static Scale,
    /// Observations between a bound and the one before; the last bucket is above all bounds.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    pub(crate) fn new(scale: &'static Scale) -> Self {
        let buckets = (0..=scale.bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { scale, buckets, sum: AtomicU64::new(0) }
    }

    /// Returns `true` if there is no observation.
    pub(crate) fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.load(Ordering::Relaxed) == 0)
    }

    /// Adds an observation on a scale of seconds.
    pub(crate) fn observe(&self, time: Duration) {
        self.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds an observation on a scale of counts.
    pub(crate) fn observe_count(&self, count: usize) {
        self.add(count as u64);
    }

    fn add(&self, amount: u64) {
        let value = self.in_unit(amount);
        let bounds = self.scale.bounds;
        let bucket = bounds.iter().position(|bound| value <= *bound).unwrap_or(bounds.len());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn bounds(&self) -> &'static [f64] {
        self.scale.bounds
    }

    /// Number of observations at or below each bound, and finally of all.
    pub(crate) fn cumulated(&self) -> Vec<u64> {
        let mut sum = 0;
        let up_to = |bucket: &AtomicU64| {
            sum += bucket.load(Ordering::Relaxed);
            sum
        };
        self.buckets.iter().map(up_to).collect()
    }

    /// Sum of all observations, in the scale's unit.
    pub(crate) fn sum(&self) -> f64 {
        self.in_unit(self.sum.load(Ordering::Relaxed))
    }

    #[allow(clippy::cast_precision_loss, reason = "as Prometheus has it")]
    fn in_unit(&self, amount: u64) -> f64 {
        amount as f64 / self.scale.per
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new(&SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_counts_in_its_bucket_and_all_above() {
        let histogram = Histogram::default();
        for milliseconds in [1, 7, 40_000] {
            histogram.observe(Duration::from_millis(milliseconds));
        }
        assert_eq!(histogram.cumulated(), [0, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3]);
        assert!((histogram.sum() - 40.008).abs() < 1e-9);
    }

    #[test]
    fn what_is_counted_is_whole() {
        let histogram = Histogram::new(&SOCKETS);
        for count in [1, 2, 100_000, 100_001] {
            histogram.observe_count(count);
        }
        assert_eq!(histogram.cumulated(), [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4]);
        assert_eq!(histogram.sum().to_bits(), 200_004.0_f64.to_bits());
    }
}
