use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("message")]
    async fn posted(&self) {}

    #[subscribe]
    async fn message(&self) {}
}

fn main() {}
