use std::cell::Cell;

use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat {
    #[inject(default)]
    seen: Cell<u64>,
}

fn main() {}
