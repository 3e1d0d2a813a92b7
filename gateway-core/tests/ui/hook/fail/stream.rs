use futures_core::Stream;
use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[on_connect]
    fn joined(&self) -> impl Stream<Item = String> {
        futures_util::stream::empty()
    }
}

fn main() {}
