//! A buffer of the thread for the next frame. Most frames are written, or appended to another, before the thread encodes its
//! next one, so that one buffer serves them all.

use std::cell::Cell;

/// Maximum capacity of the buffer, and so of what a short frame that waits holds beside its bytes.
const LARGEST: usize = 1024;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Returns an empty buffer with room for at least `expected` bytes.
#[inline]
pub(crate) fn take_buffer(expected: usize) -> Vec<u8> {
    let spare = SPARE.take();
    if spare.capacity() >= expected {
        return spare;
    }
    SPARE.set(spare);
    Vec::with_capacity(expected)
}

/// Gives a buffer to the thread, unless it is a large one.
#[inline]
pub(super) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() <= LARGEST {
        buffer.clear();
        SPARE.set(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_frame_takes_the_buffer_of_the_last_where_it_fits() {
        let mut buffer = take_buffer(100);
        buffer.push(1);
        let place = buffer.as_ptr();
        give_back(buffer);
        let larger = take_buffer(500);
        assert_ne!(larger.as_ptr(), place);
        let same = take_buffer(20);
        assert_eq!((same.as_ptr(), same.len()), (place, 0));
        let other = take_buffer(20);
        assert_ne!(other.as_ptr(), place, "it is taken once");
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        give_back(Vec::with_capacity(LARGEST + 1));
        assert!(take_buffer(1).capacity() < LARGEST);
    }
}
