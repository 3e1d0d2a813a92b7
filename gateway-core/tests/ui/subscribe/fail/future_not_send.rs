use std::rc::Rc;

use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self) {
        let seen = Rc::new(1);
        std::future::ready(()).await;
        drop(seen);
    }
}

fn main() {}
