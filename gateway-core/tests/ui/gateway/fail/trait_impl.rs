use gateway_core::prelude::*;

trait Talk {
    fn message(&self);
}

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Talk for Chat {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
