use gateway_core::prelude::*;

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    fn one(&self) {}

    #[on_message]
    fn other(&self) {}
}

fn main() {}
