use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("message", concurency = 8)]
    async fn message(&self) {}

    #[subscribe(event = "typing")]
    async fn typing(&self) {}
}

fn main() {}
