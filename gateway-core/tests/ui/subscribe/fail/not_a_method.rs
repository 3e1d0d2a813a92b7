use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("message")]
    const MESSAGE: u8 = 3;
}

fn main() {}
