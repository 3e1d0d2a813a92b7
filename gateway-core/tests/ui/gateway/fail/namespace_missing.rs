use gateway_core::prelude::*;

#[gateway]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
