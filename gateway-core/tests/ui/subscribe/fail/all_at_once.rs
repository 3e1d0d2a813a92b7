use gateway_core::prelude::*;

#[gateway(namespace = "chat", rooms = 3)]
struct Chat {
    #[inject]
    seen: u8,
}

#[gateway]
impl Chat {
    #[subscribe("connect", concurrency = 0)]
    async fn message(&mut self, _text: &str) {}

    #[subscribe(5)]
    fn typing() {}
}

fn main() {}
