use gateway_core::prelude::*;

struct Receipt;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self) -> Receipt {
        Receipt
    }
}

fn main() {}
