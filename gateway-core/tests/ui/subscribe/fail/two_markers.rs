use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("message")]
    #[subscribe("post")]
    async fn message(&self) {}

    #[on_connect]
    #[on_disconnect]
    async fn joined(&self) {}
}

fn main() {}
