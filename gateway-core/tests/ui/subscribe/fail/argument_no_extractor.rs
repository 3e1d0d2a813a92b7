use gateway_core::prelude::*;

struct NewMessage;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self, _socket: Socket, _new: NewMessage) {}
}

fn main() {}
