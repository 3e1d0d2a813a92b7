use futures_core::Stream;
use gateway_core::prelude::*;

struct Tick;

#[gateway(namespace = "/chat")]
struct Chat;

#[gateway]
impl Chat {
    #[subscribe]
    fn ticks(&self) -> impl Stream<Item = Tick> {
        futures_util::stream::empty()
    }
}

fn main() {}
