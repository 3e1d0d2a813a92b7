use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self, _first: Data<String>) {}
}

fn main() {}
