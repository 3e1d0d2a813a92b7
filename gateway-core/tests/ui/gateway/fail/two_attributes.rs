use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
#[gateway]
impl Chat {
    #[subscribe("message"once, concurrency = 8k)]
    fn message(&self) {}
}

fn main() {}
