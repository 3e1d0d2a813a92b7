use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat<'a> {
    name: &'a str,
}

#[gateway]
impl<'a> Chat<'a> {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
