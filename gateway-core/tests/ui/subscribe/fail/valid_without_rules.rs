use gateway_core::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct NewMessage {
    text: String,
}

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self, Valid(Data(new)): Valid<Data<NewMessage>>) -> usize {
        new.text.len()
    }

    #[subscribe]
    fn bare(&self, new: Valid<NewMessage>) -> usize {
        new.0.text.len()
    }
}

fn main() {}
