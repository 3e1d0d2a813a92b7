use gateway_core::prelude::*;

struct Chat;

impl Chat {
    #[subscribe("message")]
    async fn message(&self) {}

    #[on_connect]
    async fn joined(&self) {}
}

fn main() {}
