//! Measurements of all sockets together, where a server measures at all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::histogram::{Histogram, SHORT_SECONDS, SOCKETS};

/// Bytes, pings and broadcasts of a server.
#[derive(Debug)]
pub(crate) struct WireMeter {
    received: AtomicU64,
    sent: AtomicU64,
    /// From a ping to the first sign of life.
    pub(crate) round_trips: Histogram,
    /// Sockets of a broadcast.
    pub(crate) receivers: Histogram,
    /// From its begin until it waits in the last outbox.
    pub(crate) broadcasts: Histogram,
}

impl Default for WireMeter {
    fn default() -> Self {
        Self {
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            round_trips: Histogram::default(),
            receivers: Histogram::new(&SOCKETS),
            broadcasts: Histogram::new(&SHORT_SECONDS),
        }
    }
}

impl WireMeter {
    /// Counts the bytes that one turn of a connection has read.
    pub(crate) fn receive(&self, bytes: u64) {
        if bytes > 0 {
            self.received.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// Counts the bytes of one write, to one socket or to many.
    pub(crate) fn send(&self, bytes: usize) {
        if bytes > 0 {
            self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// A broadcast to so many begins, and is over when the clock is dropped.
    pub(crate) fn broadcast(&self, receivers: usize) -> BroadcastClock<'_> {
        BroadcastClock { meter: self, receivers, begun: Instant::now() }
    }
}

/// Tells the time of a broadcast when it is dropped.
#[derive(Debug)]
pub(crate) struct BroadcastClock<'a> {
    meter: &'a WireMeter,
    receivers: usize,
    begun: Instant,
}

impl Drop for BroadcastClock<'_> {
    fn drop(&mut self) {
        let took: Duration = self.begun.elapsed();
        self.meter.receivers.observe_count(self.receivers);
        self.meter.broadcasts.observe(took);
    }
}
