use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self, _text: impl ToString) {}
}

fn main() {}
