use gateway_core::prelude::*;

struct Seen;

#[gateway(namespace = "/chat")]
struct Chat {
    #[inject(default)]
    seen: Seen,
    #[inject(with = text)]
    count: u8,
}

fn text() -> String {
    String::new()
}

fn main() {}
