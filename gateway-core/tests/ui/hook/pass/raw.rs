use gateway_core::prelude::*;

#[gateway(namespace = "/raw")]
struct Raw;

#[gateway]
impl Raw {
    #[on_message]
    async fn message(&self, _socket: Socket, message: Message) -> Message {
        message
    }
}
