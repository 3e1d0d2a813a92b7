use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message<T: Send>(&self, _new: Data<T>) {}
}

fn main() {}
