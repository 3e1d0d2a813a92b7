use std::rc::Rc;

use futures_core::Stream;
use gateway_core::prelude::*;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    async fn ticks(&self) -> impl Stream<Item = String> {
        let seen = Rc::new(1);
        std::future::ready(()).await;
        drop(seen);
        futures_util::stream::empty()
    }
}

fn main() {}
