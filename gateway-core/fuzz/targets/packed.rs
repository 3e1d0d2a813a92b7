//! A message of the plain protocol as MessagePack. What is read as an event can be said again, and is read as the same.

#![no_main]

use gateway_core::fuzzing::read_packed_event;
use gateway_fuzz::allocating;
use libfuzzer_sys::fuzz_target;

const DEPTH: usize = 128;

/// Bytes allocated for a byte of input, at most: a value of one byte is five in JSON, which is written, kept and answered.
const MOST: usize = 48;

fuzz_target!(|message: &[u8]| {
    let Some((read, frame)) = allocating(MOST, message.len(), || read_packed_event(message, DEPTH)) else { return };
    let (again, _) = read_packed_event(payload(&frame), DEPTH).expect("what we write can be read");
    assert_eq!(read, again);
});

/// Of one whole frame that is not masked (RFC 6455 §5.2).
fn payload(frame: &[u8]) -> &[u8] {
    assert_eq!(frame[0], 0x82, "one binary frame");
    let start = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    &frame[start..]
}
