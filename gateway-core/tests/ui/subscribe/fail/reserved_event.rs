use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("connect")]
    async fn joined(&self) {}

    #[subscribe]
    async fn disconnect(&self) {}

    #[subscribe("newListener")]
    async fn listener(&self) {}

    #[subscribe("exception")]
    async fn exception(&self) {}
}

fn main() {}
