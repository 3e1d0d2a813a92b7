use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self, #[cfg(unix)] _socket: Socket) {}
}

fn main() {}
