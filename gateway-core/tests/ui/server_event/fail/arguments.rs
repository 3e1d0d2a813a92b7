use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_server_event("reload")]
    fn reload(&self, socket: Socket) {}
}

fn main() {}
