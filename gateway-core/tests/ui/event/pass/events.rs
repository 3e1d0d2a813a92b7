use gateway_core::Event as _;
use gateway_core::prelude::*;

#[derive(Event)]
#[event("posted")]
struct Posted<'a, T: Clone, const N: usize>
where
    T: Send,
{
    from: &'a [T; N],
}

#[derive(Event)]
#[event("moved")]
enum Moved {
    #[allow(dead_code)]
    Left,
}

// A name the server may send and no client may.
#[derive(Event)]
#[event("exception")]
struct Own;

fn main() {
    assert_eq!(Posted::<u8, 2>::NAME, "posted");
    assert_eq!(Posted { from: &[1, 2] }.from.len(), 2);
    assert_eq!(Moved::NAME, "moved");
    assert_eq!(Own::NAME, "exception");
}
