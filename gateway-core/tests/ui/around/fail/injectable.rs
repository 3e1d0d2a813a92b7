use std::cell::Cell;

use gateway_core::prelude::*;

struct Store(Cell<u8>);

#[derive(Injectable)]
struct SignedIn {
    store: Store,
    #[inject(defalt)]
    asked: u64,
}

#[derive(Injectable)]
struct Shared {
    store: Store,
}

#[derive(Injectable)]
enum Either {
    One,
    Other,
}

fn main() {}
