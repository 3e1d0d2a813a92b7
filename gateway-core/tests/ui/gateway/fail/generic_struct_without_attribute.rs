use gateway_core::prelude::*;

struct Chat<S>(S);

#[gateway]
impl<S: Clone> Chat<S> {
    #[subscribe]
    fn message(&self) -> String {
        String::new()
    }
}

fn main() {}
