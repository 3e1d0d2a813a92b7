use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("none", concurrency = 0)]
    async fn none(&self) {}

    #[subscribe(concurrency = "8")]
    async fn text(&self) {}
}

fn main() {}
