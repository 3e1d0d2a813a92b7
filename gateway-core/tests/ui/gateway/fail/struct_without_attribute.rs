use gateway_core::prelude::*;

struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self, _socket: Socket) {}

    #[subscribe]
    fn message(&self) -> String {
        String::new()
    }
}

fn main() {}
