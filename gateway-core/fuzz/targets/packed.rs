//! A message of the plain protocol as MessagePack. What is read as an event can be said again, and is read as the same.

#![no_main]

use gateway_core::fuzzing::read_packed_event;
use libfuzzer_sys::fuzz_target;

const DEPTH: usize = 128;

fuzz_target!(|message: &[u8]| {
    let Some((read, frame)) = read_packed_event(message, DEPTH) else { return };
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
