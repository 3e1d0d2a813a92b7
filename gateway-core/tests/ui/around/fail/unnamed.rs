use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
#[guard]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    #[guard("admin")]
    fn clear(&self) {}

    #[subscribe]
    #[intercept = Timing]
    fn message(&self) {}

    #[subscribe]
    #[filter()]
    fn typing(&self) {}
}

fn main() {}
