use std::sync::Arc;

use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn owned(self) {}

    #[subscribe]
    async fn shared(self: Arc<Self>) {}
}

fn main() {}
