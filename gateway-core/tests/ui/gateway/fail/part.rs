use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway(part = 1)]
impl Chat {
    #[subscribe]
    fn message(&self) {}
}

#[gateway(namespace = "/generic")]
struct Generic<S: Clone>(S);

#[gateway(part = 8)]
impl<S: Clone> Generic<S> {
    #[subscribe]
    fn message(&self) {}
}

fn main() {}
