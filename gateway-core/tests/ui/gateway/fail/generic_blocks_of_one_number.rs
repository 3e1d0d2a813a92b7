use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat<S: Clone>(S);

#[gateway]
impl<S: Clone> Chat<S> {
    #[subscribe]
    fn message(&self) {
        let _ = self.0.clone();
    }
}

#[gateway]
impl<S: Clone> Chat<S> {
    #[subscribe]
    fn typing(&self) {}
}

fn main() {}
