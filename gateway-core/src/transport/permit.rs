//! Counted permits up to a limit. An endpoint exists before the server's limits are known, so the limit is given with each
//! request; tokio's `Semaphore` has its limit from the beginning.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A permit, released when dropped.
#[derive(Debug)]
pub(crate) struct CountedPermit(Arc<AtomicUsize>);

impl CountedPermit {
    /// Takes one of `limit` permits, if one is free.
    pub(crate) fn acquire(taken: &Arc<AtomicUsize>, limit: usize) -> Option<Self> {
        let one_more = |count: usize| (count < limit).then_some(count + 1);
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok()?;
        Some(Self(Arc::clone(taken)))
    }
}

impl Drop for CountedPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_it_is_given_up() {
        let taken = Arc::default();
        let one = CountedPermit::acquire(&taken, 1);
        assert!(one.is_some());
        assert!(CountedPermit::acquire(&taken, 1).is_none());
        drop(one);
        assert!(CountedPermit::acquire(&taken, 1).is_some());
        assert!(CountedPermit::acquire(&taken, 0).is_none());
    }
}
