//! The payload of a long-polling request. What is read can be written, and is read as the same again.

#![no_main]

use gateway_core::fuzzing::{read_polled, write_polled};
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;

/// Bytes allocated for a byte of input, at most: a packet of two bytes is an element of the list of messages.
const MOST: usize = 48;

fuzz_target!(|payload: &str| {
    let messages = allocating(MOST, payload.len(), || read_polled(payload));
    if !messages.is_empty() {
        assert_eq!(read_polled(&write_polled(&messages)), messages);
    }
});
