use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self, Data(text): Data<String>) -> String {
        let answer = txet;
        answer + &text
    }
}

fn main() {}
