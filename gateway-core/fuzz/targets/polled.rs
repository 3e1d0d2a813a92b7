//! The payload of a long-polling request. What is read can be written, and is read as the same again.

#![no_main]

use gateway_core::fuzzing::{read_polled, write_polled};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|payload: &str| {
    let messages = read_polled(payload);
    if !messages.is_empty() {
        assert_eq!(read_polled(&write_polled(&messages)), messages);
    }
});
