//! A bound on requests that are reset before they are answered: each costs the server a request and its client a few bytes.

use std::num::NonZeroU32;
use std::sync::Mutex;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::{TokenBucket, per_second};
use crate::sync::lock;

/// The resets of one connection.
#[derive(Debug)]
pub(super) struct ResetLimit {
    rate: Option<NonZeroU32>,
    bucket: Mutex<TokenBucket>,
    exceeded: CancellationToken,
}

impl ResetLimit {
    pub(super) fn new(rate: Option<NonZeroU32>) -> Self {
        let bucket = Mutex::new(TokenBucket::full(Instant::now()));
        Self { rate, bucket, exceeded: CancellationToken::new() }
    }

    pub(super) fn count(&self) {
        let Some(rate) = self.rate else { return };
        if lock(&self.bucket).acquire(per_second(rate), Instant::now()).is_err() {
            self.exceeded.cancel();
        }
    }

    /// Waits until there were too many.
    pub(super) async fn exceeded(&self) {
        self.exceeded.cancelled().await;
    }
}
