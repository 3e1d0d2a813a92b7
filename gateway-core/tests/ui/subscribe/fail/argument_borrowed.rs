use std::borrow::Cow;

use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn text(&self, _text: &str) {}

    #[subscribe]
    async fn bytes(&self, _bytes: &[u8]) {}

    #[subscribe]
    async fn socket(&self, _socket: &Socket) {}

    #[subscribe]
    async fn inside(&self, _text: Data<&str>) {}

    #[subscribe]
    async fn lifetime(&self, _text: Data<Cow<'_, str>>) {}
}

fn main() {}
