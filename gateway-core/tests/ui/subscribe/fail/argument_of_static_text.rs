use gateway_core::prelude::*;

#[derive(serde::Deserialize)]
struct NewMessage {
    text: &'static str,
}

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn message(&self, new: Data<NewMessage>) -> usize {
        new.text.len()
    }
}

fn main() {}
