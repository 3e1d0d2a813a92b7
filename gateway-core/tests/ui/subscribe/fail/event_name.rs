use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe("")]
    async fn empty(&self) {}

    #[subscribe("a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name-a-name")]
    async fn long(&self) {}

    #[subscribe(5)]
    async fn number(&self) {}

    #[subscribe(message)]
    async fn word(&self) {}

    #[subscribe("one", two)]
    async fn two(&self) {}

    #[subscribe = "message"]
    async fn assigned(&self) {}
}

fn main() {}
