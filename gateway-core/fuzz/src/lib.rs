//! Memory that reading takes: the bytes that are allocated for each byte of input, counted by the allocator.

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes that reading may allocate for an input of no bytes: its own small buffers.
const FIXED: usize = 4096;

/// Reads an input of so many bytes.
///
/// # Panics
///
/// If the reading allocates more than `most` bytes for each of them, what was freed on the way included.
pub fn allocating<T>(most: usize, input: usize, read: impl FnOnce() -> T) -> T {
    let region = Region::new(ALLOCATOR);
    let out = read();
    let allocated = region.change().bytes_allocated;
    assert!(allocated <= FIXED + most * input, "{allocated} bytes are allocated for {input} of input");
    out
}
