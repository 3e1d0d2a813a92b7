use gateway_core::prelude::*;

#[derive(Debug)]
struct ChatError;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn message(&self) -> Result<String, ChatError> {
        Err(ChatError)
    }
}

fn main() {}
