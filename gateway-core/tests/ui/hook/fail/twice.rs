use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self) {}

    #[on_connect]
    fn greeted(&self) {}
}

fn main() {}
