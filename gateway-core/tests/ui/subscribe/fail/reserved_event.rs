use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("connect")]
    async fn joined(&self) {}

    #[subscribe("connect_error")]
    async fn failed(&self) {}

    #[subscribe]
    async fn disconnect(&self) {}

    #[subscribe("disconnecting")]
    async fn leaving(&self) {}

    #[subscribe("newListener")]
    async fn listener(&self) {}

    #[subscribe("removeListener")]
    async fn no_listener(&self) {}

    #[subscribe("exception")]
    async fn exception(&self) {}
}

fn main() {}
