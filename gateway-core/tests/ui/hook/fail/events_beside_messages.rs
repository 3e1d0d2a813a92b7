use gateway_core::prelude::*;

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    fn message(&self) {}

    #[subscribe]
    fn typing(&self) {}
}

fn main() {}
