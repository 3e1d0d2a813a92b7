use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect("join")]
    fn joined(&self) {}
}

fn main() {}
