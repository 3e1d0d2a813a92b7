use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[cfg_attr(all(), subscribe("message"))]
    fn message(&self) {}

    #[cfg_attr(all(), must_use)]
    #[subscribe]
    fn typing(&self) -> bool {
        true
    }
}

fn main() {}
