use gateway_core::prelude::*;

struct Store;

#[gateway(namespace = "/chat")]
struct Chat {
    store: Store,
}

fn main() {}
