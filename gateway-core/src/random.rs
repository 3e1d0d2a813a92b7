//! Bytes of the system's random source, fetched for several ids at a time: each asking is a call of the system.

use std::cell::RefCell;

/// So many ids come out of one call.
const POOL: usize = 512;

thread_local! {
    static UNUSED: RefCell<Pool> = const { RefCell::new(Pool { bytes: [0; POOL], left: 0 }) };
}

struct Pool {
    bytes: [u8; POOL],
    /// Number of unused bytes, counted from the first.
    left: usize,
}

/// Bytes that nobody has had before.
///
/// # Panics
///
/// When the system has no randomness to give: a server that guesses its ids must not go on.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= POOL, "one call has enough") };
    UNUSED.with_borrow_mut(|pool| {
        if pool.left < N {
            getrandom::fill(&mut pool.bytes).expect("the system's random source works");
            pool.left = POOL;
        }
        pool.left -= N;
        let mut taken = [0; N];
        // What was given away is kept by nobody else.
        taken.swap_with_slice(&mut pool.bytes[pool.left..][..N]);
        taken
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_given_twice() {
        let all: Vec<[u8; 24]> = (0..200).map(|_| random()).collect();
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one) && *one != [0; 24], "{place}");
        }
        assert!(UNUSED.with_borrow(|pool| pool.bytes[pool.left..].iter().all(|byte| *byte == 0)));
    }
}
