//! Measurements of all sockets together, if the server measures.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::metrics::histogram::{Histogram, SHORT_SECONDS, SOCKETS};

/// Bytes, pings and broadcasts of a server.
#[derive(Debug)]
pub(crate) struct WireMeter {
    received: AtomicU64,
    sent: AtomicU64,
    /// Times from a ping to the first sign of life.
    pub(crate) round_trips: Histogram,
    /// Recipients per broadcast.
    pub(crate) receivers: Histogram,
    /// Times from the start of a broadcast until it is queued in the last outbox.
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
    /// Counts the bytes read in one turn of a connection.
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

    /// Counts a broadcast and starts its clock; dropping the clock ends the measurement.
    pub(crate) fn broadcast(&self, receivers: usize) -> BroadcastClock<'_> {
        BroadcastClock { meter: self, receivers, begun: Instant::now() }
    }
}

/// A clock that records the duration of a broadcast when dropped.
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
