use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    async fn joined(&self) -> bool {
        true
    }

    #[on_disconnect]
    async fn left(&self) -> String {
        String::new()
    }

    #[on_init]
    async fn start(&self) -> u8 {
        3
    }
}

fn main() {}
