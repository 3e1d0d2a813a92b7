//! Measurements of a server's part in a cluster.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::histogram::{Histogram, SECONDS};

/// Counters of the messages between this node and others.
#[derive(Debug)]
pub(crate) struct ClusterMeter {
    pub(crate) published: Count,
    /// Messages that found the queue full.
    pub(crate) not_published: Count,
    /// Messages of this node that were larger than allowed, or than the engine can carry.
    pub(crate) too_large: Count,
    pub(crate) received: Count,
    /// Messages of others that could not be used.
    pub(crate) ignored: Count,
    /// Notices that another node has the id of this one.
    pub(crate) duplicate_ids: Count,
    pub(crate) bytes_received: Count,
    pub(crate) bytes_published: Count,
    pub(crate) requests: Count,
    /// Questions whose answers were not complete at the deadline.
    pub(crate) incomplete_requests: Count,
    pub(crate) unknown_answers: Count,
    pub(crate) doubled_answers: Count,
    /// Losses of the connection to the engine.
    pub(crate) losses: Count,
    /// Losses after which messages of other nodes are missing.
    pub(crate) gaps: Count,
    /// Events that went to sockets without an offset, although their clients may resume.
    pub(crate) without_offset: Count,
    /// Sockets that were taken over from other nodes.
    pub(crate) taken_sessions: Count,
    /// Sessions of this node that another node has taken.
    pub(crate) given_sessions: Count,
    /// Clients whose session was not in the store, or could not be read.
    pub(crate) missing_sessions: Count,
    /// Failed writes of session records; they are repeated.
    pub(crate) failed_records: Count,
    /// Time from a message's entry into the queue to its publication.
    pub(crate) delay: Histogram,
}

/// A counter that many tasks add to.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.add_many(1);
    }

    pub(crate) fn add_many(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for ClusterMeter {
    fn default() -> Self {
        Self {
            published: Count::default(),
            not_published: Count::default(),
            too_large: Count::default(),
            received: Count::default(),
            ignored: Count::default(),
            duplicate_ids: Count::default(),
            bytes_received: Count::default(),
            bytes_published: Count::default(),
            requests: Count::default(),
            incomplete_requests: Count::default(),
            unknown_answers: Count::default(),
            doubled_answers: Count::default(),
            losses: Count::default(),
            gaps: Count::default(),
            without_offset: Count::default(),
            taken_sessions: Count::default(),
            given_sessions: Count::default(),
            missing_sessions: Count::default(),
            failed_records: Count::default(),
            delay: Histogram::new(&SECONDS),
        }
    }
}
