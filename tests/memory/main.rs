//! Memory that a hostile client may make a server hold, counted to the byte by the allocator. One test at a time, in a
//! process of its own; the client's end is in it too, so clients hold nothing.

mod gateway;
mod handshakes;
mod hoards;
mod readers;
mod unread;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use tokio::sync::{Mutex, MutexGuard};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static ALONE: Mutex<()> = Mutex::const_new(());

/// Waits until no other test runs.
async fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().await
}

/// Bytes that are allocated and not freed.
fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// The most that was held since it began, beyond what was held then.
struct Growth {
    base: usize,
    most: usize,
}

impl Growth {
    fn begin() -> Self {
        let base = held();
        Self { base, most: base }
    }

    fn look(&mut self) {
        self.most = self.most.max(held());
    }

    fn now(&mut self) -> usize {
        self.look();
        held().saturating_sub(self.base)
    }

    fn most(&mut self) -> usize {
        self.look();
        self.most - self.base
    }
}

/// Lets every task do what it can.
async fn settle() {
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
}

/// Waits until something is so.
async fn until(is_so: impl Fn() -> bool) {
    for _ in 0..20_000 {
        if is_so() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("it was never so");
}
