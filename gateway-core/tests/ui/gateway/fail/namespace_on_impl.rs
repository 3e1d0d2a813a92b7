use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway(namespace = "/chat")]
impl Chat {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
